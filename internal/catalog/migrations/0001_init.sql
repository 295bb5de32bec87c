-- +goose Up

-- One text for both engines; migrate.go translates the types for PostgreSQL.
-- Times are microseconds since 1970 UTC, booleans 0 or 1. Every foreign key is
-- immediate, and every referencing column has an index: deleting a parent
-- probes its children.

CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE reserve (id INTEGER PRIMARY KEY, filler BLOB NOT NULL);  -- pages for deletions on a full disk

-- Identity ---------------------------------------------------------------

CREATE TABLE domain (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL);

CREATE TABLE project (
  id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES domain(id), name TEXT NOT NULL, parent TEXT NOT NULL,
  description TEXT NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL, UNIQUE (domain, name));

CREATE TABLE account (                      -- an IAM user
  id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES domain(id), name TEXT NOT NULL, password TEXT NOT NULL,
  admin INTEGER NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL, UNIQUE (domain, name));

CREATE TABLE access_key (
  access TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE, secret BLOB NOT NULL,
  description TEXT NOT NULL, active INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX access_key_account ON access_key(account);

CREATE TABLE token (                        -- hash: SHA-256 of the opaque token
  hash TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  project TEXT NOT NULL, methods TEXT NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX token_account ON token(account);
CREATE INDEX token_expires ON token(expires);

-- Organisations and repositories -----------------------------------------

CREATE TABLE org (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, domain TEXT NOT NULL REFERENCES domain(id),
  creator TEXT NOT NULL, creator_name TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX org_domain ON org(domain);

CREATE TABLE org_grant (                    -- level: 1 read, 3 edit, 7 manage
  org INTEGER NOT NULL REFERENCES org(id) ON DELETE CASCADE, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  level INTEGER NOT NULL, PRIMARY KEY (org, account));
CREATE INDEX org_grant_account ON org_grant(account);

CREATE TABLE repo (
  id INTEGER PRIMARY KEY, org INTEGER NOT NULL REFERENCES org(id), name TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL, description TEXT NOT NULL, is_public INTEGER NOT NULL,
  creator TEXT NOT NULL, creator_name TEXT NOT NULL, downloads INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX repo_org ON repo(org);

-- Content: every object in blob storage is named by exactly one row of
-- upload, blob or garbage -------------------------------------------------

CREATE TABLE upload (                       -- repo: a name, for the repository may go and come back meanwhile. size: bytes recorded
                                            -- and synced; hash, writer: state at that offset
  id TEXT PRIMARY KEY, storage_key TEXT NOT NULL UNIQUE, repo TEXT NOT NULL, owner TEXT NOT NULL,
  algorithm TEXT NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL, writer BLOB NOT NULL, until INTEGER NOT NULL);
CREATE INDEX upload_until ON upload(until);

CREATE TABLE blob (                         -- lost: the object vanished; the next upload of the digest brings it back
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, storage_key TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, lost INTEGER NOT NULL);

CREATE TABLE garbage (                      -- hold: the row stays until then, because a late writer may still make the object;
                                            -- unlinked: once already, again when hold has passed
  storage_key TEXT PRIMARY KEY, size INTEGER NOT NULL, hold INTEGER NOT NULL, unlinked INTEGER NOT NULL);
CREATE INDEX garbage_due ON garbage(unlinked, hold);

CREATE TABLE link (
  repo INTEGER NOT NULL REFERENCES repo(id), blob INTEGER NOT NULL REFERENCES blob(id), PRIMARY KEY (repo, blob));
CREATE INDEX link_blob ON link(blob);

CREATE TABLE pin (                          -- finisher: the token whose upload made it last; its HEAD is not counted
  repo INTEGER NOT NULL, blob INTEGER NOT NULL, owner TEXT NOT NULL, uses INTEGER NOT NULL CHECK (uses >= 0),
  until INTEGER NOT NULL, counted INTEGER NOT NULL, finisher TEXT NOT NULL,
  PRIMARY KEY (repo, blob, owner), FOREIGN KEY (repo, blob) REFERENCES link(repo, blob));
CREATE INDEX pin_until ON pin(until);

CREATE TABLE manifest (                     -- total: bytes of config and layers; condemned: goes when its last pin ends
  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repo(id), digest TEXT NOT NULL, media_type TEXT NOT NULL,
  artifact_type TEXT NOT NULL, subject TEXT, config TEXT NOT NULL, body BLOB NOT NULL, size INTEGER NOT NULL, total INTEGER NOT NULL,
  condemned INTEGER NOT NULL, created INTEGER NOT NULL, UNIQUE (repo, digest), UNIQUE (repo, id));
CREATE INDEX manifest_subject ON manifest(repo, subject) WHERE subject IS NOT NULL;
CREATE INDEX manifest_condemned ON manifest(condemned) WHERE condemned = 1;

CREATE TABLE ref (
  repo INTEGER NOT NULL, manifest INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (manifest, blob),
  FOREIGN KEY (repo, manifest) REFERENCES manifest(repo, id) ON DELETE CASCADE, FOREIGN KEY (repo, blob) REFERENCES link(repo, blob));
CREATE INDEX ref_blob ON ref(repo, blob);
CREATE INDEX ref_manifest ON ref(repo, manifest);

CREATE TABLE child (
  repo INTEGER NOT NULL, parent INTEGER NOT NULL, child INTEGER NOT NULL, PRIMARY KEY (parent, child),
  FOREIGN KEY (repo, parent) REFERENCES manifest(repo, id), FOREIGN KEY (repo, child) REFERENCES manifest(repo, id));
CREATE INDEX child_child ON child(repo, child);
CREATE INDEX child_parent ON child(repo, parent);

CREATE TABLE tag (
  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL, name TEXT NOT NULL, manifest INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  UNIQUE (repo, name), FOREIGN KEY (repo, manifest) REFERENCES manifest(repo, id));
CREATE INDEX tag_manifest ON tag(repo, manifest);

CREATE TABLE mpin (
  repo INTEGER NOT NULL, manifest INTEGER NOT NULL, owner TEXT NOT NULL, uses INTEGER NOT NULL CHECK (uses >= 0),
  until INTEGER NOT NULL, counted INTEGER NOT NULL,
  PRIMARY KEY (repo, manifest, owner), FOREIGN KEY (repo, manifest) REFERENCES manifest(repo, id));
CREATE INDEX mpin_until ON mpin(until);

-- Images -------------------------------------------------------------------

CREATE TABLE image_group (                  -- exists while it has images; tags: JSON
  id TEXT PRIMARY KEY, project TEXT NOT NULL, workspace TEXT NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL,
  read_me TEXT, tags TEXT NOT NULL, updated INTEGER NOT NULL);

CREATE TABLE image (                        -- project '' and grp NULL: built-in. lists are JSON arrays
  id TEXT PRIMARY KEY, project TEXT NOT NULL, workspace TEXT NOT NULL, grp TEXT REFERENCES image_group(id),
  type TEXT NOT NULL, path TEXT NOT NULL, org TEXT NOT NULL, repo TEXT NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL,
  arch TEXT NOT NULL, description TEXT NOT NULL, services TEXT NOT NULL, origin TEXT NOT NULL, categories TEXT NOT NULL,
  service_type TEXT NOT NULL, size INTEGER NOT NULL, status TEXT NOT NULL, status_message TEXT NOT NULL,
  visibility TEXT NOT NULL, flavor_type TEXT NOT NULL, swr_instance TEXT NOT NULL, show_name TEXT NOT NULL, show_tag TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (project, repo, tag));
CREATE INDEX image_repo ON image(repo, tag);
CREATE INDEX image_group_of ON image(grp);
CREATE INDEX image_created ON image(project, workspace, created, id);

-- Audit ----------------------------------------------------------------------

CREATE TABLE audit (                        -- receipt: JSON of easel.Receipt for deletions, else ''
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, request TEXT NOT NULL, domain TEXT NOT NULL, project TEXT NOT NULL,
  actor TEXT NOT NULL, actor_name TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, bytes INTEGER NOT NULL, receipt TEXT NOT NULL);
CREATE INDEX audit_domain ON audit(domain, id);
