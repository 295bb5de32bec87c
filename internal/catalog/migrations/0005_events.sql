-- +goose Up

-- The audit trail is a chain per domain: seq counts a domain's records in the
-- order in which they were sealed, hash is the SHA-256 over the hash before and the
-- record (chain.go). Both are NULL from the commit of a record until it is sealed.
-- about: JSON of About, or ''.
ALTER TABLE audit ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN seq INTEGER;
ALTER TABLE audit ADD COLUMN hash BLOB;
CREATE UNIQUE INDEX audit_seq ON audit(domain, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_unsealed ON audit(domain, id) WHERE seq IS NULL;

CREATE TABLE audit_chain (                  -- the last sealed record of each domain; its row is the sealer's lock
  domain TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL);
