package easel

import (
	"net/netip"
	"slices"
	"strings"
)

// What a [Bound] can allow.
const (
	BoundPull   = "pull"
	BoundPush   = "push"   // and to register images
	BoundDelete = "delete" // tags, manifests, repositories, image records
	BoundRead   = "read"   // what the management interfaces show
)

var boundActions = []string{BoundPull, BoundPush, BoundDelete, BoundRead}

// The longest lists of a Bound.
const (
	maxBoundRepositories = 64
	maxBoundNetworks     = 64
)

// Bound limits the credential of a machine to a part of what its user may do.
// It is written as JSON into the database.
type Bound struct {
	// Repositories are patterns: "ORG/NAME", in which NAME may have "*" for any
	// run of characters, slashes too; "*" alone is all there are.
	Repositories []string       `json:"repositories"`
	Actions      []string       `json:"actions"`
	Networks     []netip.Prefix `json:"networks"` // from where; none: from anywhere
}

// ParseBound checks the parts of a Bound. Errors: Invalid "robot".
func ParseBound(repositories, actions, networks []string) (Bound, error) {
	b := Bound{Repositories: repositories, Networks: []netip.Prefix{}}
	if n := len(repositories); n == 0 || n > maxBoundRepositories || len(networks) > maxBoundNetworks {
		return Bound{}, E(Invalid, "robot", "a robot has 1 to %d repositories and at most %d networks", maxBoundRepositories, maxBoundNetworks)
	}
	for _, p := range repositories {
		if !validPattern(p) {
			return Bound{}, E(Invalid, "robot", "%.200q is no pattern of repositories: want ORG/NAME with * for any characters of the name, or * for all", p)
		}
	}
	for _, known := range boundActions { // in one order, each once
		if slices.Contains(actions, known) {
			b.Actions = append(b.Actions, known)
		}
	}
	for _, a := range actions {
		if !slices.Contains(boundActions, a) {
			return Bound{}, E(Invalid, "robot", "%.40q is no action of a robot: want %s", a, strings.Join(boundActions, ", "))
		}
	}
	if len(b.Actions) == 0 {
		return Bound{}, E(Invalid, "robot", "a robot needs an action: %s", strings.Join(boundActions, ", "))
	}
	for _, text := range networks {
		n, err := ParseNetwork(text)
		if err != nil {
			return Bound{}, E(Invalid, "robot", "%.60q is no address and no network like 10.0.0.0/8", text)
		}
		b.Networks = append(b.Networks, n)
	}
	return b, nil
}

// ParseNetwork parses an address or a network in CIDR form.
func ParseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// validPattern reports whether p becomes the name of a repository when each *
// stands for a letter.
func validPattern(p string) bool {
	if p == "*" {
		return true
	}
	org, _, _ := strings.Cut(p, "/")
	_, err := ParseRepo(strings.ReplaceAll(p, "*", "a"))
	return err == nil && !strings.Contains(org, "*")
}

// Everything reports whether all repositories are covered.
func (b *Bound) Everything() bool { return slices.Contains(b.Repositories, "*") }

// Covers reports whether a repository is covered.
func (b *Bound) Covers(repo string) bool {
	return slices.ContainsFunc(b.Repositories, func(p string) bool { return glob(p, repo) })
}

// Touches reports whether repositories of an organisation are covered.
func (b *Bound) Touches(org string) bool {
	return slices.ContainsFunc(b.Repositories, func(p string) bool { return p == "*" || strings.HasPrefix(p, org+"/") })
}

// Allows reports whether action is one of those allowed.
func (b *Bound) Allows(action string) bool { return slices.Contains(b.Actions, action) }

// Admits reports whether the credential may be used from addr; from an
// unknown address only when it may from anywhere.
func (b *Bound) Admits(addr netip.Addr) bool {
	return len(b.Networks) == 0 || slices.ContainsFunc(b.Networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// glob reports whether s fits pattern, in which * is any run of characters.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, s, ok = strings.Cut(s, part)
		if !ok {
			return false
		}
	}
	return strings.HasSuffix(s, last)
}
