package easel

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// Principal is who is asking, as the edge established it. The zero value is
// the anonymous caller.
type Principal struct {
	UserID, UserName       string
	DomainID, DomainName   string
	ProjectID, ProjectName string // empty: the credential is not bound to a project
	Admin                  bool   // administrator of DomainID
	Operator               bool   // DomainID looks after the installation
	AccessKey              string // the key that signed or logged in, if any
	Machine                bool   // the credential is a robot's: what it does is no use by a person
	Bound                  *Bound // the limit of the credential; nil: whatever the user may

	// TokenID identifies a registry token (its jti); "" for other credentials.
	TokenID string
	// Scopes is the upper bound a registry token sets; nil means unbounded.
	Scopes []Scope

	// Statements are what the roles say that the caller holds through groups,
	// in the project that the credential is bound to.
	Statements []Statement
}

// Statement is one statement of a role: it allows or denies actions on
// resources. Package policy parses it and says what the patterns mean.
type Statement struct {
	Role, Group string // where the caller has it from: names
	Number      int    // in its role, from 1
	Deny        bool
	Actions     []string // patterns, in lower case
	Resources   []string // patterns; none: whatever there is
	InProject   bool     // granted in projects: it allows nothing that concerns the domain or the installation
}

// String names the statement for whoever looks for it.
func (s Statement) String() string {
	return fmt.Sprintf("statement %d of the policy %q, granted to the group %q", s.Number, s.Role, s.Group)
}

// Scope is one entry of a registry token: what may be done to one resource.
type Scope struct {
	Type    string   // "repository" or "registry"
	Name    string   // repository name, or "catalog"
	Actions []string // "pull", "push", "delete", "*"
}

// Anonymous reports whether nobody logged in.
func (p Principal) Anonymous() bool { return p.UserID == "" }

// Scoped reports whether the credential's own bound (a registry token's
// scopes) lets it do action to the named resource.
func (p Principal) Scoped(typ, name, action string) bool {
	if p.Scopes == nil {
		return true
	}
	return slices.ContainsFunc(p.Scopes, func(s Scope) bool {
		return s.Type == typ && s.Name == name && (slices.Contains(s.Actions, action) || slices.Contains(s.Actions, "*"))
	})
}

// Grants is what the catalogue knows about a resource and a caller's rights
// on it, read in one go. policy decides on it.
type Grants struct {
	Domain  string // id of the owning domain; "" when the resource does not exist
	Project string // owning project, for project resources
	Level   int    // the highest level granted to the caller: 0, 1 read, 3 edit, 7 manage
	Public  bool   // everybody may pull
	// Shared says that the caller's domain may pull, by a share that has not ended.
	Shared bool
	// OrgLevel is the part of Level that was granted on the organisation.
	OrgLevel int
	// Inside says of an organisation that the caller was granted something on
	// one of its repositories.
	Inside bool
	// Closed says of a workspace that not everybody in its project may enter,
	// Owner that the caller made it, Member that it names the caller.
	Closed, Owner, Member bool
}

type contextKey int

const (
	principalKey contextKey = iota
	requestIDKey
	deleteNowKey
	originKey
	insistedKey
)

// WithPrincipal returns ctx carrying p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey, p)
}

// PrincipalFrom returns the caller in ctx; the anonymous one when there is none.
func PrincipalFrom(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey).(Principal)
	return p
}

// WithDeleteNow returns ctx for a caller who wants what is deleted gone now,
// whatever the undo window.
func WithDeleteNow(ctx context.Context) context.Context {
	return context.WithValue(ctx, deleteNowKey, true)
}

// DeletesNow reports whether ctx is from WithDeleteNow.
func DeletesNow(ctx context.Context) bool {
	now, _ := ctx.Value(deleteNowKey).(bool)
	return now
}

// WithRequestID returns ctx carrying the id that logs, audit records and the
// X-Request-Id header share.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestIDFrom returns the request id in ctx, or "".
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// Origin is where a request came from.
type Origin struct {
	Addr netip.Addr // the client's; not valid when nobody knows it
	// Local says that the client is on the server's own machine and nobody
	// speaks for somebody else.
	Local bool
}

// Client names the origin in tables of callers: the address, of IPv6 the
// network of 64 bits that one customer has, or "local".
func (o Origin) Client() string {
	switch {
	case o.Local:
		return "local"
	case !o.Addr.IsValid():
		return "unknown"
	case o.Addr.Is6():
		p, _ := o.Addr.Prefix(64) // fits every IPv6 address
		return p.String()
	}
	return o.Addr.String()
}

// WithOrigin returns ctx carrying o.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey, o)
}

// OriginFrom returns the origin in ctx; the zero Origin when there is none.
func OriginFrom(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey).(Origin)
	return o
}

// WithInsisted returns ctx carrying the precondition of a request: whatever
// deletion it makes must be what one of these plans said. It is in the context
// so that no way to delete can forget it.
func WithInsisted(ctx context.Context, plans ...string) context.Context {
	return context.WithValue(ctx, insistedKey, plans)
}

// InsistedFrom returns the plans in ctx; none when the caller takes what comes.
func InsistedFrom(ctx context.Context) []string {
	plans, _ := ctx.Value(insistedKey).([]string)
	return plans
}
