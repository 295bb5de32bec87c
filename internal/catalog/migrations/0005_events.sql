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

CREATE TABLE hook (                         -- org NULL: of the domain. events: JSON array of types. secret: sealed. dropped: events that
                                            -- found too many waiting. A process that delivers holds fence until leased
  id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES domain(id), org INTEGER REFERENCES org(id) ON DELETE CASCADE,
  url TEXT NOT NULL, secret BLOB NOT NULL, events TEXT NOT NULL, active INTEGER NOT NULL, creator TEXT NOT NULL, creator_name TEXT NOT NULL,
  created INTEGER NOT NULL, dropped INTEGER NOT NULL, fence INTEGER NOT NULL, leased INTEGER NOT NULL);
CREATE INDEX hook_domain ON hook(domain);
CREATE INDEX hook_org ON hook(org);

CREATE TABLE delivery (                     -- event: id of the audit record it is made of. state: 0 waiting, 1 delivered, 2 given up.
                                            -- status: of the last answer, 0 none; problem: why there was none
  id INTEGER PRIMARY KEY, hook TEXT NOT NULL REFERENCES hook(id) ON DELETE CASCADE, event TEXT NOT NULL, type TEXT NOT NULL,
  state INTEGER NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL, status INTEGER NOT NULL, problem TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (hook, event));
CREATE INDEX delivery_hook ON delivery(hook, id);
CREATE INDEX delivery_due ON delivery(hook, due) WHERE state = 0;
CREATE INDEX delivery_done ON delivery(state, updated) WHERE state <> 0;
