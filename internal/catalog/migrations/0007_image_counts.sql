-- +goose Up

-- How many images, and groups of them, each filter of the list matches, so that
-- a total is one row. org, service_type or name '' counts all of them; so an
-- image is counted in eight rows. Groups have no service type: they are
-- counted where that is ''. The last statement of a transaction that adds
-- or removes images writes them (image_count.go).
CREATE TABLE image_count (
  project TEXT NOT NULL, workspace TEXT NOT NULL, org TEXT NOT NULL, service_type TEXT NOT NULL, name TEXT NOT NULL,
  images INTEGER NOT NULL, image_groups INTEGER NOT NULL, PRIMARY KEY (project, workspace, org, service_type, name));

-- What a group says about its images. changed: the latest change of one of them, or of the group itself.
ALTER TABLE image_group ADD COLUMN versions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE image_group ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE image_group ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

UPDATE image_group SET versions = (SELECT count(*) FROM image WHERE image.grp = image_group.id),
  created = coalesce((SELECT min(image.created) FROM image WHERE image.grp = image_group.id), 0),
  changed = coalesce((SELECT max(image.updated) FROM image WHERE image.grp = image_group.id), 0);
UPDATE image_group SET changed = updated WHERE updated > changed;

INSERT INTO image_count (project, workspace, org, service_type, name, images, image_groups)
  SELECT project, workspace, CASE WHEN o.n = 1 THEN org ELSE '' END, CASE WHEN s.n = 1 THEN service_type ELSE '' END,
    CASE WHEN m.n = 1 THEN name ELSE '' END, count(*), CASE WHEN s.n = 1 THEN 0 ELSE count(DISTINCT grp) END
  FROM image CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) o CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) s CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) m
  WHERE s.n = 0 OR service_type <> ''
  GROUP BY project, workspace, o.n, s.n, m.n, CASE WHEN o.n = 1 THEN org ELSE '' END, CASE WHEN s.n = 1 THEN service_type ELSE '' END,
    CASE WHEN m.n = 1 THEN name ELSE '' END;

-- The orders that lists are read in, with what they are filtered by in front;
-- the name stands in the first, so that a part of a name is looked for there.
DROP INDEX image_created;
CREATE INDEX image_newest ON image(project, workspace, created DESC, id, name);
CREATE INDEX image_newest_org ON image(project, workspace, org, created DESC, id);
CREATE INDEX image_newest_service ON image(project, workspace, service_type, created DESC, id);
CREATE INDEX image_newest_name ON image(project, workspace, name, created DESC, id);
CREATE INDEX image_group_newest ON image_group(project, workspace, changed DESC, name, org, id);

-- The oldest and the latest changed image of a group.
DROP INDEX image_group_of;
CREATE INDEX image_group_created ON image(grp, created);
CREATE INDEX image_group_updated ON image(grp, updated);
