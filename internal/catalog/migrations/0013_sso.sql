-- +goose Up

-- Users whom an identity provider knows, by the pair that it never gives to
-- another: issuer and subject. seen: when they logged in last.
CREATE TABLE sso_user (
  domain TEXT NOT NULL REFERENCES domain(id), issuer TEXT NOT NULL, subject TEXT NOT NULL,
  account TEXT NOT NULL UNIQUE REFERENCES account(id) ON DELETE CASCADE, provider TEXT NOT NULL,
  created INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (domain, issuer, subject));

-- sso 1: made by a log-in, and taken away by one; 0: given by hand
ALTER TABLE member ADD COLUMN sso INTEGER NOT NULL DEFAULT 0;

-- Whose tokens of another issuer are exchanged for a credential. claims: JSON of
-- easel.Conditions; bound: JSON of easel.Bound; jwks: keys of an issuer that
-- cannot be asked, or ''; life: of the credential, in µs.
CREATE TABLE trust (
  id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE, name TEXT NOT NULL,
  issuer TEXT NOT NULL, audience TEXT NOT NULL, claims TEXT NOT NULL, jwks TEXT NOT NULL, bound TEXT NOT NULL, life INTEGER NOT NULL,
  active INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX trust_account ON trust(account);

-- trust: what a credential that was exchanged comes from and ends with
ALTER TABLE access_key ADD COLUMN trust TEXT REFERENCES trust(id) ON DELETE CASCADE;
CREATE INDEX access_key_trust ON access_key(trust) WHERE trust IS NOT NULL;
CREATE INDEX access_key_expires ON access_key(expires) WHERE expires <> 0;

-- access: the key whose bound the token has and with which it ends
ALTER TABLE token ADD COLUMN access TEXT REFERENCES access_key(access) ON DELETE CASCADE;
CREATE INDEX token_access ON token(access) WHERE access IS NOT NULL;
