-- +goose Up

-- at_once: what the job deletes skips the undo window of its organisation
ALTER TABLE job ADD COLUMN at_once INTEGER NOT NULL DEFAULT 0;
