-- +goose Up

-- Workspaces but for the default ones, which have the id '0' and no row.
-- owner: the account that made it, which may be gone. max_images: 0 none; bounded: when that was set, or created.
CREATE TABLE workspace (
  id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project(id), name TEXT NOT NULL, description TEXT NOT NULL, access TEXT NOT NULL,
  owner TEXT NOT NULL, owner_name TEXT NOT NULL, max_images INTEGER NOT NULL, bounded INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (project, name));

CREATE TABLE workspace_user (               -- who may enter it beside its owner, in the order n
  workspace TEXT NOT NULL REFERENCES workspace(id) ON DELETE CASCADE, account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
  n INTEGER NOT NULL, PRIMARY KEY (workspace, account));
CREATE INDEX workspace_user_account ON workspace_user(account);

-- What a workspace holds keeps it from being deleted. home: the workspace, NULL for a default one.
-- Every image of a project is in a group.
ALTER TABLE image_group ADD COLUMN home TEXT REFERENCES workspace(id);
CREATE INDEX image_group_home ON image_group(home);

-- Where the image of a job was: its path is not for everybody.
ALTER TABLE job_image ADD COLUMN workspace TEXT NOT NULL DEFAULT '0';
