-- +goose Up

-- operator: its administrators look after the installation as well. That is the first domain.
ALTER TABLE domain ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;
UPDATE domain SET operator = 1 WHERE id = (SELECT id FROM domain ORDER BY created, id LIMIT 1);

ALTER TABLE account ADD COLUMN description TEXT NOT NULL DEFAULT '';

-- token: hex SHA-256 of the security token, '' for a registry login, which cannot sign
ALTER TABLE temporary_key ADD COLUMN token TEXT NOT NULL DEFAULT '';

CREATE TABLE user_group (
  id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES domain(id), name TEXT NOT NULL, description TEXT NOT NULL,
  created INTEGER NOT NULL, UNIQUE (domain, name));

CREATE TABLE member (
  grp TEXT NOT NULL REFERENCES user_group(id) ON DELETE CASCADE, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  PRIMARY KEY (grp, account));
CREATE INDEX member_account ON member(account);

CREATE TABLE policy (                       -- a domain's own; those that come with the program are no rows. document: JSON
  id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES domain(id), name TEXT NOT NULL, kind TEXT NOT NULL,
  description TEXT NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (domain, name));

CREATE TABLE assignment (                   -- role: a policy's id or that of one that comes with the program
  grp TEXT NOT NULL REFERENCES user_group(id) ON DELETE CASCADE, role TEXT NOT NULL,
  project TEXT NOT NULL,                    -- '' everywhere in the domain, '*' in each of its projects, else in this one
  PRIMARY KEY (grp, role, project));
CREATE INDEX assignment_role ON assignment(role);
