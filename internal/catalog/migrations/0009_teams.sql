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
