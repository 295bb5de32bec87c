package catalog

import (
	"context"
	"fmt"

	"easel"
)

// Quotas are the bounds that hold where no other was set; 0: none.
type Quotas struct {
	Orgs   int64 // organisations of a domain
	Repos  int64 // repositories of an organisation
	Space  int64 // bytes that the manifests of an organisation name, each blob once
	Images int64 // image records of a project
}

// DefaultQuota is set to go back to Quotas.
const DefaultQuota = -1

// Quota is a bound with what is used of it.
type Quota struct {
	Limit   int64 `json:"limit"` // 0: none
	Used    int64 `json:"used"`
	Default bool  `json:"default"` // Limit is that of Quotas, because no other was set
}

// orDefault replaces a stored limit by the one that it means.
func (q *Quota) orDefault(byDefault int64) {
	q.Default = q.Limit == DefaultQuota
	q.Limit = limitOf(q.Limit, byDefault)
}

// OrgQuota is what an organisation may hold.
type OrgQuota struct {
	Org   easel.Org `json:"organisation"`
	Repos Quota     `json:"repositories"`
	Space Quota     `json:"bytes"`
}

// DomainQuota is how many organisations a domain may have.
type DomainQuota struct {
	Domain string `json:"domain"` // its name
	Orgs   Quota  `json:"organisations"`
}

// ProjectQuota is what a project may hold.
type ProjectQuota struct {
	Project string `json:"project_id"`
	Name    string `json:"project"`
	Images  Quota  `json:"images"`
}

// limitOf returns the bound that a stored one means.
func limitOf(stored, byDefault int64) int64 {
	if stored == DefaultQuota {
		return byDefault
	}
	return stored
}

// orgHeld selects the bytes that an organisation o holds, from the ledger.
const orgHeld = `CAST(coalesce((SELECT SUM(l.held) FROM ledger l WHERE l.kind = 'org' AND l.name = o.name AND l.domain = o.domain), 0)
	+ coalesce((SELECT SUM(e.held) FROM ledger_entry e JOIN ledger l ON l.id = e.ledger WHERE l.kind = 'org' AND l.name = o.name AND l.domain = o.domain), 0) AS BIGINT)`

// OrgQuotas returns the quotas of a domain's organisations by name, with
// granted only of those on which who was granted something.
func (db *DB) OrgQuotas(ctx context.Context, who easel.Principal, granted bool) (found []OrgQuota, err error) {
	where := ``
	a := args{who.DomainID}
	if granted {
		where = ` AND EXISTS (SELECT 1 FROM org_grant g WHERE g.org = o.id AND g.account = ` + a.add(who.UserID) + `)`
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (q OrgQuota, err error) {
			err = s.Scan(&q.Org, &q.Repos.Limit, &q.Repos.Used, &q.Space.Limit, &q.Space.Used)
			q.Repos.orDefault(t.quotas.Repos)
			q.Space.orDefault(t.quotas.Space)
			return q, err
		}, `SELECT o.name, o.max_repos, (SELECT COUNT(*) FROM repo r WHERE r.org = o.id), o.max_space, `+orgHeld+`
			FROM org o WHERE o.domain = $1`+where+` ORDER BY o.name`, a...)
		return err
	})
	return found, err
}

// ProjectQuotas returns the quotas of a domain's projects by name; with id
// only of that one.
func (db *DB) ProjectQuotas(ctx context.Context, domain, id string) (found []ProjectQuota, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (q ProjectQuota, err error) {
			err = s.Scan(&q.Project, &q.Name, &q.Images.Limit, &q.Images.Used)
			q.Images.orDefault(t.quotas.Images)
			return q, err
		}, `SELECT p.id, p.name, p.max_images, (SELECT COUNT(*) FROM image i WHERE i.project = p.id)
			FROM project p WHERE p.domain = $1 AND ($2 = '' OR p.id = $2) ORDER BY p.name`, domain, id)
		return err
	})
	return found, err
}

// DomainQuota returns how many organisations a domain may have, and has.
// Errors: NotFound "domain".
func (db *DB) DomainQuota(ctx context.Context, domain string) (q DomainQuota, err error) {
	err = db.view(ctx, func(t *tx) error {
		q, err = t.domainQuota(domain)
		return err
	})
	return q, err
}

func (t *tx) domainQuota(domain string) (q DomainQuota, err error) {
	ok, err := t.get([]any{&q.Domain, &q.Orgs.Limit, &q.Orgs.Used}, `
		SELECT d.name, d.max_orgs, (SELECT COUNT(*) FROM org o WHERE o.domain = d.id) FROM domain d WHERE d.id = $1`, domain)
	if err != nil || !ok {
		return q, orNotFound(err, "domain", "the domain %.64s does not exist", domain)
	}
	q.Orgs.orDefault(t.quotas.Orgs)
	return q, nil
}

// SetDomainQuota bounds the organisations of the domain called name and
// returns what it has. Errors: NotFound "domain".
func (db *DB) SetDomainQuota(ctx context.Context, who easel.Principal, name string, orgs int64) (q DomainQuota, err error) {
	if !storable(name) {
		return q, easel.E(easel.NotFound, "domain", "there is no such domain")
	}
	err = db.update(ctx, func(t *tx) error {
		var id string
		ok, err := t.get([]any{&id}, `UPDATE domain SET max_orgs = $1 WHERE name = $2 RETURNING id`, orgs, name)
		if err != nil || !ok {
			return orNotFound(err, "domain", "there is no domain %.64s; easel domain ls lists all", name)
		}
		if q, err = t.domainQuota(id); err != nil {
			return err
		}
		return t.audit(who, "setQuota", name, 0, nil)
	})
	return q, err
}

// roomForOrg refuses one more organisation in a domain that has as many as it
// may. The lock makes the count exact when several are made at once.
func (t *tx) roomForOrg(domain string) error {
	if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`+t.forNoKeyUpdate(), domain); err != nil || !ok {
		return orNotFound(err, "domain", "the domain %s does not exist", domain)
	}
	q, err := t.domainQuota(domain)
	if err != nil || q.Orgs.Limit == 0 || q.Orgs.Used < q.Orgs.Limit {
		return err
	}
	return easel.E(easel.TooMany, "organisation quota", "the domain has %d organisations of at most %d: delete one (easel org rm), or ask who looks after the installation for more (easel quota set --domain)", q.Orgs.Used, q.Orgs.Limit)
}

// QuotaChange is what SetOrgQuota and SetProjectQuota set; nil leaves a bound
// as it is.
type QuotaChange struct{ Repos, Space, Images *int64 }

// SetOrgQuota bounds an organisation of who's domain. Errors: NotFound "organisation".
func (db *DB) SetOrgQuota(ctx context.Context, who easel.Principal, org easel.Org, c QuotaChange) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE org SET max_repos = coalesce($1, max_repos), max_space = coalesce($2, max_space) WHERE name = $3 AND domain = $4`,
			c.Repos, c.Space, string(org), who.DomainID)
		if err != nil || n == 0 {
			return orNotFound(err, "organisation", "the organisation %s does not exist", org)
		}
		return t.audit(who, "setQuota", string(org), 0, nil)
	})
}

// SetProjectQuota bounds a project of who's domain. Errors: NotFound "project".
func (db *DB) SetProjectQuota(ctx context.Context, who easel.Principal, project string, c QuotaChange) error {
	if !storable(project) {
		return easel.E(easel.NotFound, "project", "there is no such project")
	}
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE project SET max_images = coalesce($1, max_images) WHERE id = $2 AND domain = $3`, c.Images, project, who.DomainID)
		if err != nil || n == 0 {
			return orNotFound(err, "project", "there is no project %.64s", project)
		}
		return t.audit(who, "setQuota", project, 0, nil)
	})
}

// roomForRepo refuses one more repository in an organisation that has as many
// as it may. The lock makes the count exact when several are made at once.
func (t *tx) roomForRepo(id int64, org easel.Org) error {
	limit, err := t.limit(`SELECT max_repos FROM org WHERE id = $1`, t.quotas.Repos, id)
	if err != nil || limit == 0 {
		return err
	}
	var used int64
	if _, err := t.get([]any{&used}, `SELECT COUNT(*) FROM repo WHERE org = $1`, id); err != nil || used < limit {
		return err
	}
	return easel.E(easel.Denied, "repository quota", "the organisation %s has %d repositories of at most %d: delete one (easel repo rm), or ask an administrator for more (easel quota set)", org, used, limit)
}

// roomForImage refuses one more image record in a project that has as many as
// it may.
func (t *tx) roomForImage(project string) error {
	limit, err := t.limit(`SELECT max_images FROM project WHERE id = $1`, t.quotas.Images, project)
	if err != nil || limit == 0 {
		return err
	}
	var used int64
	if _, err := t.get([]any{&used}, `SELECT COUNT(*) FROM image WHERE project = $1`, project); err != nil || used < limit {
		return err
	}
	return easel.E(easel.Denied, "image quota", "the project has %d images of at most %d: delete one (easel image rm), or ask an administrator for more (easel quota set)", used, limit)
}

// limit returns the bound that query finds and, where there is one, locks its
// row: of two that want the last place one waits and then sees the other.
func (t *tx) limit(query string, byDefault int64, id any) (int64, error) {
	stored := int64(DefaultQuota)
	if _, err := t.get([]any{&stored}, query, id); err != nil || limitOf(stored, byDefault) == 0 {
		return 0, err
	}
	_, err := t.get([]any{&stored}, query+t.forNoKeyUpdate(), id)
	return limitOf(stored, byDefault), err
}

// space is what an organisation holds before a manifest is stored in it.
type space struct {
	org         int64
	limit, used int64 // bytes; limit 0: nothing was looked up
}

// spaceOf reads the space of repo's organisation. Where it is bounded the
// organisation is locked, after the repository and before any blob, so that
// pushes into it are counted one after the other.
func (t *tx) spaceOf(repo int64) (s space, err error) {
	stored := int64(DefaultQuota)
	_, err = t.get([]any{&s.org, &stored}, `SELECT o.id, o.max_space FROM repo r JOIN org o ON o.id = r.org WHERE r.id = CAST($1 AS BIGINT)`, repo)
	if err != nil || limitOf(stored, t.quotas.Space) == 0 {
		return s, err
	}
	if s.limit, err = t.limit(`SELECT max_space FROM org WHERE id = $1`, t.quotas.Space, s.org); err != nil || s.limit == 0 {
		return s, err
	}
	s.used, err = t.held(s.org)
	return s, err
}

func (t *tx) held(org int64) (n int64, err error) {
	_, err = t.get([]any{&n}, `SELECT `+orgHeld+` FROM org o WHERE o.id = $1`, org)
	return n, err
}

// within refuses a manifest that was just stored when the organisation holds
// more than it may because of it. One that adds nothing is never refused.
func (t *tx) within(s space, org easel.Org) error {
	if s.limit == 0 {
		return nil
	}
	now, err := t.held(s.org)
	if err != nil || now <= s.limit || now <= s.used {
		return err
	}
	return overSpace(org, s.used, now-s.used, s.limit)
}

func overSpace(org easel.Org, used, more, limit int64) error {
	return easel.E(easel.Denied, "space quota", "the organisation %s uses %s of %s, and this needs %s more: delete images (easel image rm --force, easel retention set), or ask an administrator for more (easel quota set)",
		org, bytesText(used), bytesText(limit), bytesText(more))
}

// bytesText writes n for people.
func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// Fits refuses an upload of size bytes to repo that its organisation has no
// space for: beside what it holds counts what pushes under way have uploaded.
// It locks nothing: what decides is the manifest. Errors: Denied "space quota".
func (db *DB) Fits(ctx context.Context, repo easel.Repo, size int64) error {
	type question struct{ spaceOf easel.Org }
	limit, err := remember(db.memo(), rights, question{repo.Org()}, func() (limit int64, err error) {
		stored := int64(DefaultQuota)
		err = db.view(ctx, func(t *tx) error {
			_, err := t.get([]any{&stored}, `SELECT max_space FROM org WHERE name = $1`, string(repo.Org()))
			return err
		})
		return limitOf(stored, db.quotas.Space), err
	})
	if err != nil || limit == 0 {
		return err
	}
	var held, pushed int64
	err = db.view(ctx, func(t *tx) error {
		_, err := t.get([]any{&held, &pushed}, `
			SELECT `+orgHeld+`, CAST(coalesce((SELECT SUM(b.size) FROM blob b WHERE b.id IN (
				SELECT p.blob FROM pin p JOIN repo r ON r.id = p.repo WHERE r.org = o.id AND p.until > $2)
				AND NOT EXISTS (SELECT 1 FROM ref f JOIN repo r ON r.id = f.repo WHERE f.blob = b.id AND r.org = o.id)), 0) AS BIGINT)
			FROM org o WHERE o.name = $1`, string(repo.Org()), t.now)
		return err
	})
	if err != nil || held+pushed+size <= limit && held < limit {
		return err
	}
	return overSpace(repo.Org(), held+pushed, size, limit)
}
