-- +goose Up

-- Temporary access keys for registry logins (swr.md 11). They are not among a
-- user's keys: nobody lists, changes or counts them, and they end by themselves.
CREATE TABLE temporary_key (                -- parent: the access key that asked for it, '' for a token; it ends with that
  access TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE, secret BLOB NOT NULL,
  parent TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX temporary_key_account ON temporary_key(account);
CREATE INDEX temporary_key_expires ON temporary_key(expires);

CREATE TABLE repo_grant (                   -- level: 1 read, 3 edit, 7 manage
  repo INTEGER NOT NULL REFERENCES repo(id) ON DELETE CASCADE, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  level INTEGER NOT NULL, PRIMARY KEY (repo, account));
CREATE INDEX repo_grant_account ON repo_grant(account);

CREATE TABLE share (                        -- users of the domain may pull; ends: 0 never
  repo INTEGER NOT NULL REFERENCES repo(id) ON DELETE CASCADE, domain TEXT NOT NULL REFERENCES domain(id),
  ends INTEGER NOT NULL, description TEXT NOT NULL, creator TEXT NOT NULL, creator_name TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (repo, domain));
CREATE INDEX share_domain ON share(domain);
