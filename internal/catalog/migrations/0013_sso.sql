-- +goose Up

-- Users whom an identity provider knows, by the pair that it never gives to
-- another: issuer and subject. seen: when they logged in last.
CREATE TABLE sso_user (
  domain TEXT NOT NULL REFERENCES domain(id), issuer TEXT NOT NULL, subject TEXT NOT NULL,
  account TEXT NOT NULL UNIQUE REFERENCES account(id) ON DELETE CASCADE, provider TEXT NOT NULL,
  created INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (domain, issuer, subject));

-- sso 1: made by a log-in, and taken away by one; 0: given by hand
ALTER TABLE member ADD COLUMN sso INTEGER NOT NULL DEFAULT 0;

CREATE INDEX access_key_expires ON access_key(expires) WHERE expires <> 0;
