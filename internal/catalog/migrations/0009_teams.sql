-- +goose Up

-- Retention: which tags of a repository go by themselves (swr.md 10). rule:
-- JSON of easel.RetentionRule. ran: when it was last looked at, due: when it
-- is next, leased: until then a process is at it.
CREATE TABLE retention (
  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL UNIQUE REFERENCES repo(id) ON DELETE CASCADE, rule TEXT NOT NULL,
  creator TEXT NOT NULL, creator_name TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  ran INTEGER NOT NULL, due INTEGER NOT NULL, leased INTEGER NOT NULL);

CREATE TABLE retention_log (                -- one row a tag that went; retention: the policy, which may be gone
  id INTEGER PRIMARY KEY, repo INTEGER NOT NULL REFERENCES repo(id) ON DELETE CASCADE, retention INTEGER NOT NULL, rule TEXT NOT NULL,
  tag TEXT NOT NULL, digest TEXT NOT NULL, receipt TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX retention_log_repo ON retention_log(repo, id);

-- Quotas: 0 none, -1 what the configuration says. Space in bytes.
ALTER TABLE org ADD COLUMN max_repos INTEGER NOT NULL DEFAULT -1;
ALTER TABLE org ADD COLUMN max_space INTEGER NOT NULL DEFAULT -1;
ALTER TABLE project ADD COLUMN max_images INTEGER NOT NULL DEFAULT -1;

CREATE TABLE domain_day (                   -- day: days since 1970 UTC; downflow: bytes served; store: bytes held when it was last looked at
  domain TEXT NOT NULL REFERENCES domain(id), day INTEGER NOT NULL, downflow INTEGER NOT NULL, store INTEGER NOT NULL, PRIMARY KEY (domain, day));
