-- +goose Up

-- organisations that the domain may have; 0: any number, -1: what the configuration says
ALTER TABLE domain ADD COLUMN max_orgs INTEGER NOT NULL DEFAULT -1;
