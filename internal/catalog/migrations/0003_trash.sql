-- +goose Up

-- Who keeps an image from being deleted, and since when; 0: nobody.
ALTER TABLE image ADD COLUMN protected_by TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN protected_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN protected_at INTEGER NOT NULL DEFAULT 0;

-- Patterns of tags that keep their digest. repo NULL: in all repositories of
-- the organisation.
CREATE TABLE immutable_tag (
  id INTEGER PRIMARY KEY, org INTEGER NOT NULL REFERENCES org(id) ON DELETE CASCADE, repo INTEGER REFERENCES repo(id) ON DELETE CASCADE,
  pattern TEXT NOT NULL, creator TEXT NOT NULL, creator_name TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX immutable_tag_org ON immutable_tag(org);
CREATE INDEX immutable_tag_repo ON immutable_tag(repo);

-- How long deleted content can be restored (0: not at all), and how many
-- bytes only trash may hold (0: any number).
ALTER TABLE org ADD COLUMN undo_window INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN undo_budget INTEGER NOT NULL DEFAULT 0;

-- What one deletion took out of one repository, which may be gone itself.
-- content: JSON of trashed. bytes: those that only trash held then.
CREATE TABLE trash (
  id INTEGER PRIMARY KEY, receipt TEXT NOT NULL, org INTEGER NOT NULL REFERENCES org(id), repo TEXT NOT NULL,
  actor TEXT NOT NULL, actor_name TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, bytes INTEGER NOT NULL, content TEXT NOT NULL,
  UNIQUE (receipt, repo));
CREATE INDEX trash_org ON trash(org, id);
CREATE INDEX trash_until ON trash(until);

-- Manifests by the row they had: children have smaller ones than parents.
CREATE TABLE trash_manifest (
  trash INTEGER NOT NULL REFERENCES trash(id) ON DELETE CASCADE, manifest INTEGER NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY (trash, manifest));

-- What keeps a blob besides links.
CREATE TABLE trash_blob (
  trash INTEGER NOT NULL REFERENCES trash(id) ON DELETE CASCADE, blob INTEGER NOT NULL REFERENCES blob(id), PRIMARY KEY (trash, blob));
CREATE INDEX trash_blob_blob ON trash_blob(blob);
