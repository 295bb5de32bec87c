package policy

import (
	"crypto/sha256"
	"encoding/hex"

	"easel"
)

// Role is a role that comes with the program. It has the same form as a
// domain's own policies, and nobody changes it.
type Role struct {
	ID          string
	Name        string // how tokens and other services know it
	DisplayName string
	Kind        string // "AX": of the domain, "XA": of projects, "AA": of both
	Catalog     string // the service
	Description string
	Document    string // for Parse
	Statements  []easel.Statement
}

// Administrator is the name of the role of those who may do everything in
// their domain.
const Administrator = "te_admin"

// systemRoles are the roles with the documented names (swr.md 2.9, iam.md 2).
var systemRoles = []Role{
	{Name: Administrator, DisplayName: "Tenant Administrator", Kind: "AA", Catalog: "BASE",
		Description: "Everything in the account.", Document: allow(`"*"`)},
	{Name: "secu_admin", DisplayName: "Security Administrator", Kind: "AX", Catalog: "BASE",
		Description: "Users, groups, projects, policies, and other users' keys and tokens.", Document: allow(`"iam:*:*"`)},
	{Name: "readonly", DisplayName: "Tenant Guest", Kind: "AA", Catalog: "BASE",
		Description: "Look at everything but users and rights.", Document: allow(swrLooks + `,"modelarts:*:get*","modelarts:*:list*"`)},
	{Name: "swr_adm", DisplayName: "SWR Administrator", Kind: "XA", Catalog: "SWR",
		Description: "All organisations and repositories.", Document: allow(`"swr:*:*"`)},
	{Name: "swr_full_access", DisplayName: "SWR FullAccess", Kind: "XA", Catalog: "SWR",
		Description: "All organisations and repositories.", Document: allow(`"swr:*:*"`)},
	{Name: "swr_operate_access", DisplayName: "SWR OperateAccess", Kind: "XA", Catalog: "SWR",
		Description: "All organisations and repositories.", Document: allow(`"swr:*:*"`)},
	{Name: "swr_read_only_access", DisplayName: "SWR ReadOnlyAccess", Kind: "XA", Catalog: "SWR",
		Description: "Pull from all repositories.", Document: allow(swrLooks)},
	{Name: "modelarts_full_access", DisplayName: "ModelArts FullAccess", Kind: "XA", Catalog: "ModelArts",
		Description: "All images and workspaces.", Document: allow(`"modelarts:*:*"`)},
	{Name: "modelarts_common_operations", DisplayName: "ModelArts CommonOperations", Kind: "XA", Catalog: "ModelArts",
		Description: "All images and workspaces.", Document: allow(`"modelarts:*:*"`)},
}

const swrLooks = `"swr:*:get*","swr:*:list*","swr:*:show*","swr:repo:download"`

func allow(actions string) string {
	return `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":[` + actions + `]}]}`
}

func init() {
	for i := range systemRoles {
		r := &systemRoles[i]
		sum := sha256.Sum256([]byte("easel system role " + r.Name))
		r.ID = hex.EncodeToString(sum[:16])
		var err error
		if r.Statements, err = Parse([]byte(r.Document)); err != nil {
			panic(err) // a role of this file
		}
	}
}

// SystemRoles returns the roles that come with the program.
func SystemRoles() []Role { return systemRoles }

// SystemRole returns the role with this id, and whether there is one.
func SystemRole(id string) (Role, bool) {
	for _, r := range systemRoles {
		if r.ID == id {
			return r, true
		}
	}
	return Role{}, false
}
