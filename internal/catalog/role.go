package catalog

import (
	"context"
	"time"

	"easel"
)

// Policy is a domain's own policy. Document is JSON that package policy
// parses; Kind is "AX" for one of the domain, "XA" for one of projects.
type Policy struct {
	ID, Domain, Name, Kind, Description string
	Document                            string
	Created, Updated                    time.Time
}

// PolicyChange changes a policy; nil leaves a field as it is.
type PolicyChange struct{ Name, Kind, Description, Document *string }

// Assignment is a role that a group has.
type Assignment struct {
	Group, GroupName string
	Role             string // id of a policy, or of a role that comes with the program
	// Project is "" for everywhere in the domain, [AllProjects], or the project's id.
	Project string
}

// AllProjects stands for each project of a domain.
const AllProjects = "*"

// HeldRole is a role that an account has through a group. Name and Document
// are "" for a role that comes with the program.
type HeldRole struct {
	Group          string // its name
	Role, Project  string // as in Assignment
	Name, Document string
}

const policyColumns = `id, domain, name, kind, description, document, created, updated`

func scanPolicy(s scanner) (p Policy, err error) {
	var created, updated int64
	err = s.Scan(&p.ID, &p.Domain, &p.Name, &p.Kind, &p.Description, &p.Document, &created, &updated)
	p.Created, p.Updated = fromMicros(created), fromMicros(updated)
	return p, err
}

// Policies returns a domain's own policies by name.
func (db *DB) Policies(ctx context.Context, domain string) (found []Policy, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanPolicy, `SELECT `+policyColumns+` FROM policy WHERE domain = $1 ORDER BY name`, domain)
		return err
	})
	return found, err
}

// Policy returns one of a domain's own policies. Errors: NotFound "role".
func (db *DB) Policy(ctx context.Context, domain, id string) (p Policy, err error) {
	err = db.view(ctx, func(t *tx) error {
		p, err = t.policy(domain, id, "")
		return err
	})
	return p, err
}

func (t *tx) policy(domain, id, lock string) (Policy, error) {
	if !storable(id) {
		return Policy{}, noRole("")
	}
	found, err := all(t, scanPolicy, `SELECT `+policyColumns+` FROM policy WHERE domain = $1 AND id = $2`+lock, domain, id)
	if err != nil {
		return Policy{}, err
	}
	if len(found) == 0 {
		return Policy{}, noRole(id)
	}
	return found[0], nil
}

// AddPolicy stores a new policy of p.Domain, which may have limit of them, and
// returns it with its times. Errors: Exists "role", TooMany "role", NotFound "domain".
func (db *DB) AddPolicy(ctx context.Context, who easel.Principal, p Policy, limit int) (added Policy, err error) {
	err = db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(p.Domain); err != nil {
			return err
		}
		var n int
		if _, err := t.get([]any{&n}, `SELECT COUNT(*) FROM policy WHERE domain = $1`, p.Domain); err != nil {
			return err
		}
		if n >= limit {
			return easel.E(easel.TooMany, "role", "an account has at most %d policies of its own", limit)
		}
		_, err := t.exec(`INSERT INTO policy (`+policyColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
			p.ID, p.Domain, p.Name, p.Kind, p.Description, p.Document, t.now, t.now)
		if err != nil {
			return orRoleExists(err, p.Name)
		}
		added = p
		added.Created, added.Updated = t.time(), t.time()
		return t.audit(who, "createRole", p.Name, 0, nil)
	})
	return added, err
}

// UpdatePolicy changes a policy of a domain and returns it; it counts for
// everybody's next request. Errors: NotFound "role", Exists "role", InUse "administrator".
func (db *DB) UpdatePolicy(ctx context.Context, who easel.Principal, domain, id string, c PolicyChange, able Able) (p Policy, err error) {
	err = db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(domain); err != nil {
			return err
		}
		if p, err = t.policy(domain, id, t.forUpdate()); err != nil {
			return err
		}
		set(&p.Name, c.Name)
		set(&p.Kind, c.Kind)
		set(&p.Description, c.Description)
		set(&p.Document, c.Document)
		p.Updated = t.time()
		_, err := t.exec(`UPDATE policy SET name = $1, kind = $2, description = $3, document = $4, updated = $5 WHERE id = $6`,
			p.Name, p.Kind, p.Description, p.Document, t.now, id)
		if err != nil {
			return orRoleExists(err, p.Name)
		}
		if err := t.keepAdministrator(domain, able); err != nil {
			return err
		}
		return t.audit(who, "updateRole", p.Name, 0, nil)
	})
	return p, err
}

// DeletePolicy removes a policy of a domain. Errors: NotFound "role"; InUse
// "role" while a group has it.
func (db *DB) DeletePolicy(ctx context.Context, who easel.Principal, domain, id string) error {
	return db.update(ctx, func(t *tx) error {
		p, err := t.policy(domain, id, t.forUpdate())
		if err != nil {
			return err
		}
		var group string
		used, err := t.get([]any{&group}, `SELECT g.name FROM assignment s JOIN user_group g ON g.id = s.grp WHERE s.role = $1 ORDER BY g.name LIMIT 1`, id)
		if err != nil {
			return err
		}
		if used {
			return easel.E(easel.InUse, "role", "the policy %s is granted to the group %s: revoke it first", p.Name, group)
		}
		if _, err := t.exec(`DELETE FROM policy WHERE id = $1`, id); err != nil {
			return err
		}
		return t.audit(who, "deleteRole", p.Name, 0, nil)
	})
}

// Assign gives a role to a group of a domain, or takes it. Giving what the
// group has changes nothing. own says that the role is the domain's own
// policy, which must exist. Errors: NotFound "group", "role" and "project", and
// "assignment" for taking what the group has not; InUse "administrator".
func (db *DB) Assign(ctx context.Context, who easel.Principal, domain string, a Assignment, own, give bool, able Able) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.assignable(domain, &a, own); err != nil {
			return err
		}
		action := "grantRoleToGroup"
		if give {
			if _, err := t.exec(`INSERT INTO assignment (grp, role, project) VALUES ($1, $2, $3) ON CONFLICT (grp, role, project) DO NOTHING`, a.Group, a.Role, a.Project); err != nil {
				return err
			}
		} else {
			action = "revokeRoleFromGroup"
			if n, err := t.exec(`DELETE FROM assignment WHERE grp = $1 AND role = $2 AND project = $3`, a.Group, a.Role, a.Project); err != nil || n == 0 {
				return orNotFound(err, "assignment", "the group %s does not have this role there", a.GroupName)
			}
		}
		if err := t.keepAdministrator(domain, able); err != nil { // a role may deny, too
			return err
		}
		return t.audit(who, action, a.GroupName+" "+a.Role, 0, nil)
	})
}

// assignable checks, and locks, what an assignment names.
func (t *tx) assignable(domain string, a *Assignment, own bool) error {
	if err := t.lockDomain(domain); err != nil {
		return err
	}
	g, err := t.group(domain, a.Group, t.forNoKeyUpdate())
	if err != nil {
		return err
	}
	a.GroupName = g.Name
	if own {
		if _, err := t.policy(domain, a.Role, t.forNoKeyUpdate()); err != nil {
			return err
		}
	}
	if a.Project != "" && a.Project != AllProjects {
		_, err = t.project(domain, a.Project)
	}
	return err
}

// Assignments returns the roles of a group of a domain, of all its groups for "".
func (db *DB) Assignments(ctx context.Context, domain, group string) (found []Assignment, err error) {
	if !storable(group) {
		return []Assignment{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanAssignment, `
			SELECT g.id, g.name, s.role, s.project FROM assignment s JOIN user_group g ON g.id = s.grp
			WHERE g.domain = $1 AND ($2 = '' OR g.id = $2) ORDER BY g.name, s.project, s.role`, domain, group)
		return err
	})
	return found, err
}

func scanAssignment(s scanner) (a Assignment, err error) {
	err = s.Scan(&a.Group, &a.GroupName, &a.Role, &a.Project)
	return a, err
}

// HeldRoles returns the roles that an account has through its groups.
func (db *DB) HeldRoles(ctx context.Context, account string) ([]HeldRole, error) {
	type question struct{ heldBy string }
	return remember(db.memo(), rights, question{account}, func() (found []HeldRole, err error) {
		err = db.view(ctx, func(t *tx) error {
			found, err = t.heldRoles(account)
			return err
		})
		return found, err
	})
}

func (t *tx) heldRoles(account string) ([]HeldRole, error) {
	scan := func(s scanner) (r HeldRole, err error) {
		err = s.Scan(&r.Group, &r.Role, &r.Project, &r.Name, &r.Document)
		return r, err
	}
	return all(t, scan, `
		SELECT g.name, s.role, s.project, coalesce(p.name, ''), coalesce(p.document, '')
		FROM member m JOIN user_group g ON g.id = m.grp JOIN assignment s ON s.grp = g.id LEFT JOIN policy p ON p.id = s.role
		WHERE m.account = $1 ORDER BY g.name, s.role, s.project`, account)
}

func noRole(id string) error {
	return easel.E(easel.NotFound, "role", "there is no role or policy %.100s", id)
}

func orRoleExists(err error, name string) error {
	if isUnique(err) {
		return easel.E(easel.Exists, "role", "there is a policy %s already", name).Because(err)
	}
	return err
}
