package catalog

import (
	"context"

	"easel"
)

// Bootstrap stores the first domain, whose administrators look after the
// installation, with its project, administrator and access key, unless there is a domain already: then it changes nothing and
// returns false.
func (db *DB) Bootstrap(ctx context.Context, d Domain, p Project, a Account, k AccessKey) (created bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		created = false
		if some, err := t.exists(`SELECT 1 FROM domain LIMIT 1`); err != nil || some {
			return err
		}
		d.Operator = true
		if err := t.addDomain(d); err != nil {
			return err
		}
		if err := t.addProject(p); err != nil {
			return err
		}
		if err := t.addAccount(a); err != nil {
			return err
		}
		created = true
		return t.addKey(k)
	})
	return created && err == nil, err
}

// HasDomains reports whether Bootstrap has run.
func (db *DB) HasDomains(ctx context.Context) (some bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		some, err = t.exists(`SELECT 1 FROM domain LIMIT 1`)
		return err
	})
	return some, err
}

// InitSetting stores value under name unless there is one, and returns what
// is stored.
func (db *DB) InitSetting(ctx context.Context, name string, value []byte) (stored []byte, err error) {
	err = db.update(ctx, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value); err != nil {
			return err
		}
		_, err := t.get([]any{&stored}, `SELECT value FROM setting WHERE name = $1`, name)
		return err
	})
	return stored, err
}

// Setting returns what is stored under name, and false when nothing is.
func (db *DB) Setting(ctx context.Context, name string) (value []byte, ok bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		ok, err = t.get([]any{&value}, `SELECT value FROM setting WHERE name = $1`, name)
		return err
	})
	return value, ok, err
}

// AddDomain stores a new domain. Errors: Exists "domain".
func (db *DB) AddDomain(ctx context.Context, d Domain) error {
	return db.update(ctx, func(t *tx) error { return t.addDomain(d) })
}

func (t *tx) addDomain(d Domain) error {
	_, err := t.exec(`INSERT INTO domain (id, name, description, enabled, operator, created) VALUES ($1,$2,$3,$4,$5,$6)`,
		d.ID, d.Name, d.Description, flag(d.Enabled), flag(d.Operator), t.now)
	if isUnique(err) {
		return easel.E(easel.Exists, "domain", "there is a domain %s already", d.Name).Because(err)
	}
	return err
}

// AddProject stores a new project. Errors: Exists "project", NotFound "domain".
func (db *DB) AddProject(ctx context.Context, p Project) error {
	return db.update(ctx, func(t *tx) error {
		if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`, p.Domain); err != nil || !ok {
			return orNoDomain(err, p.Domain)
		}
		return t.addProject(p)
	})
}

func (t *tx) addProject(p Project) error {
	_, err := t.exec(`INSERT INTO project (id, domain, name, parent, description, enabled, created) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		p.ID, p.Domain, p.Name, p.Parent, p.Description, flag(p.Enabled), t.now)
	if isUnique(err) {
		return easel.E(easel.Exists, "project", "there is a project %s already", p.Name).Because(err)
	}
	return err
}

const projectColumns = `id, domain, name, parent, description, enabled, created`

func scanProject(s scanner) (p Project, err error) {
	var created int64
	err = s.Scan(&p.ID, &p.Domain, &p.Name, &p.Parent, &p.Description, &p.Enabled, &created)
	p.Created = fromMicros(created)
	return p, err
}

// Projects returns the projects of a domain, the region's own first, then by
// age; name "" means all.
func (db *DB) Projects(ctx context.Context, domain, name string) (found []Project, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = t.projects(domain, name)
		return err
	})
	return found, err
}

func (t *tx) projects(domain, name string) ([]Project, error) {
	a := args{domain}
	where := `domain = $1`
	if name != "" {
		where += ` AND name = ` + a.add(name)
	}
	if !storable(a...) {
		return []Project{}, nil
	}
	return all(t, scanProject, `SELECT `+projectColumns+` FROM project WHERE `+where+
		` ORDER BY CASE WHEN parent = domain THEN 0 ELSE 1 END, created, id`, a...)
}

// Project returns a project of a domain; id "" is the region's own. Errors: NotFound "project", also for
// one of another domain.
func (db *DB) Project(ctx context.Context, domain, id string) (Project, error) {
	type question struct{ domain, id string }
	return remember(db.memo(), rights, question{domain, id}, func() (p Project, err error) {
		err = db.view(ctx, func(t *tx) error {
			p, err = t.project(domain, id)
			return err
		})
		return p, err
	})
}

// project returns a project of a domain; id "" is the region's own.
func (t *tx) project(domain, id string) (Project, error) {
	a := args{domain}
	where := `domain = $1 AND parent = domain`
	if id != "" {
		where = `domain = $1 AND id = ` + a.add(id)
	}
	if !storable(a...) {
		return Project{}, easel.E(easel.NotFound, "project", "there is no such project")
	}
	found, err := all(t, scanProject, `SELECT `+projectColumns+` FROM project WHERE `+where+` ORDER BY created, id LIMIT 1`, a...)
	if err != nil {
		return Project{}, err
	}
	if len(found) == 0 {
		return Project{}, easel.E(easel.NotFound, "project", "there is no project %.100s", id)
	}
	return found[0], nil
}

// ProjectChange changes a project; nil leaves a field as it is.
type ProjectChange struct{ Name, Description *string }

// CreateProject stores a new project for who. Errors: Exists "project",
// NotFound "domain" and "parent".
func (db *DB) CreateProject(ctx context.Context, who easel.Principal, p Project) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(p.Domain); err != nil {
			return err
		}
		if p.Parent != p.Domain {
			if ok, err := t.exists(`SELECT 1 FROM project WHERE id = $1 AND domain = $2`, p.Parent, p.Domain); err != nil || !ok {
				return orNotFound(err, "parent", "there is no project %.100s to make one in", p.Parent)
			}
		}
		if err := t.addProject(p); err != nil {
			return err
		}
		return t.audit(who, "createProject", p.Name, 0, nil)
	})
}

// UpdateProject changes a project of a domain and returns it. Errors: NotFound
// "project", Exists "project".
func (db *DB) UpdateProject(ctx context.Context, who easel.Principal, domain, id string, c ProjectChange) (p Project, err error) {
	err = db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(domain); err != nil {
			return err
		}
		if p, err = t.project(domain, id); err != nil {
			return err
		}
		set(&p.Name, c.Name)
		set(&p.Description, c.Description)
		_, err = t.exec(`UPDATE project SET name = $1, description = $2 WHERE id = $3`, p.Name, p.Description, p.ID)
		if isUnique(err) {
			return easel.E(easel.Exists, "project", "there is a project %s already", p.Name).Because(err)
		}
		if err != nil {
			return err
		}
		return t.audit(who, "updateProject", p.Name, 0, nil)
	})
	return p, err
}

// CreateDomain stores a new domain with its project, administrator and access
// key for who. Errors: Exists "domain".
func (db *DB) CreateDomain(ctx context.Context, who easel.Principal, d Domain, p Project, a Account, k AccessKey) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.addDomain(d); err != nil {
			return err
		}
		if err := t.addProject(p); err != nil {
			return err
		}
		if err := t.addAccount(a); err != nil {
			return err
		}
		if err := t.addKey(k); err != nil {
			return err
		}
		return t.audit(who, "createDomain", d.Name, 0, nil)
	})
}

// Domains returns all domains, by name.
func (db *DB) Domains(ctx context.Context) (found []Domain, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanDomain, `SELECT `+domainColumns+` FROM domain ORDER BY name`)
		return err
	})
	return found, err
}

// DomainNamed returns the domain called name. Errors: NotFound "domain".
func (db *DB) DomainNamed(ctx context.Context, name string) (Domain, error) {
	if !storable(name) {
		return Domain{}, orNoDomain(nil, "")
	}
	var found []Domain
	err := db.view(ctx, func(t *tx) (err error) {
		found, err = all(t, scanDomain, `SELECT `+domainColumns+` FROM domain WHERE name = $1`, name)
		return err
	})
	if err != nil || len(found) == 0 {
		return Domain{}, orNoDomain(err, name)
	}
	return found[0], nil
}

const domainColumns = `id, name, description, enabled, operator, created`

func scanDomain(s scanner) (d Domain, err error) {
	var created int64
	err = s.Scan(&d.ID, &d.Name, &d.Description, &d.Enabled, &d.Operator, &created)
	d.Created = fromMicros(created)
	return d, err
}
