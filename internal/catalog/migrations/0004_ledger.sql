-- +goose Up

-- The ledger (ledger.go): how many bytes each scope holds, kept by the transactions
-- that store and delete manifests. A repository is in five scopes: itself, its
-- organisation, its domain, the user who made it, and the project that this user
-- was logged in to ('' for none).
CREATE TABLE ledger (                       -- kind: repo, org, domain, user, project; name: of repositories and organisations, else the id
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, domain TEXT NOT NULL,
  held INTEGER NOT NULL, exclusive INTEGER NOT NULL, blobs INTEGER NOT NULL, UNIQUE (kind, name, domain));
CREATE INDEX ledger_domain ON ledger(domain, kind);

CREATE TABLE ledger_entry (                 -- changes that are not in the rows of ledger yet: pushes only add rows, and wait for nobody
  id INTEGER PRIMARY KEY, ledger INTEGER NOT NULL, held INTEGER NOT NULL, exclusive INTEGER NOT NULL, blobs INTEGER NOT NULL);

ALTER TABLE repo ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE repo ADD COLUMN in_repo INTEGER NOT NULL DEFAULT 0;      -- in_…: rows of ledger
ALTER TABLE repo ADD COLUMN in_org INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repo ADD COLUMN in_domain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repo ADD COLUMN in_user INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repo ADD COLUMN in_project INTEGER NOT NULL DEFAULT 0;

ALTER TABLE blob ADD COLUMN of_repo INTEGER NOT NULL DEFAULT 0;      -- of_…: the only row of ledger whose manifests name the blob; 0 none, -1 several
ALTER TABLE blob ADD COLUMN of_org INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blob ADD COLUMN of_domain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blob ADD COLUMN of_user INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blob ADD COLUMN of_project INTEGER NOT NULL DEFAULT 0;

-- When the last image record of a tag was deleted without its content (µs); 0:
-- the tag has records, or never had one since it was pushed last.
ALTER TABLE tag ADD COLUMN left_behind INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tag_left_behind ON tag(repo) WHERE left_behind > 0;

-- How manifests were used, and when last (µs; 0: never): pulled by people and by
-- machines, and started as notebooks. Pulls are those of GET, not of HEAD.
CREATE TABLE manifest_use (
  manifest INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE, human INTEGER NOT NULL, last_human INTEGER NOT NULL,
  machine INTEGER NOT NULL, last_machine INTEGER NOT NULL, starts INTEGER NOT NULL, last_start INTEGER NOT NULL, PRIMARY KEY (manifest));
