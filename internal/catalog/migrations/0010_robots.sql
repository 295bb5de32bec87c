-- +goose Up

-- bound: what a robot's key may do, JSON of easel.Bound; '': whatever its user may. expires 0: it does not
ALTER TABLE access_key ADD COLUMN bound TEXT NOT NULL DEFAULT '';
ALTER TABLE access_key ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
