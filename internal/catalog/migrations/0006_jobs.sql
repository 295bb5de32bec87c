-- +goose Up

-- Deletions of many images, one after the other. A worker holds a job until its
-- lease ends; fence grows with every worker, and each step of the work says
-- which it was given: of two workers only the later one gets anything done.
CREATE TABLE job (                          -- access: the key that asked for it, or ''; done: results so far, failed ones among them
  id TEXT PRIMARY KEY, domain TEXT NOT NULL, project TEXT NOT NULL, account TEXT NOT NULL, account_name TEXT NOT NULL, access TEXT NOT NULL,
  force INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  total INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, freed INTEGER NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, ended INTEGER NOT NULL,
  fence INTEGER NOT NULL, lease INTEGER NOT NULL);
CREATE INDEX job_project ON job(project, id);
CREATE INDEX job_due ON job(state, lease);

CREATE TABLE job_image (                    -- state: waiting, deleted, failed
  job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE, n INTEGER NOT NULL, image TEXT NOT NULL, path TEXT NOT NULL,
  state TEXT NOT NULL, receipt TEXT NOT NULL, freed INTEGER NOT NULL, error TEXT NOT NULL, tries INTEGER NOT NULL,
  PRIMARY KEY (job, n));
CREATE INDEX job_image_waiting ON job_image(job, n) WHERE state = 'waiting';
