// Package outbound guards connections to addresses that users chose: what is
// not on the public network is not dialled, unless whoever runs the server
// allows it.
package outbound

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// ErrNotPublic is why an address is not dialled.
var ErrNotPublic = errors.New("the address is not public")

// Control returns the ControlContext of a net.Dialer that dials public
// addresses and those in allow. It is asked about the address that is dialled,
// after the name was looked up: what the name means at another moment does not
// matter.
func Control(allow []netip.Prefix) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil || !Allowed(a.Addr(), allow) {
			return ErrNotPublic
		}
		return nil
	}
}

// special are the blocks that are not, or not plainly, addresses of machines
// on the public network: the IANA special-purpose registries, and the blocks
// that carry an IPv4 address inside, which could be any.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// unicast is what IPv6 has on the public network; everything else is local,
// translated, multicast or not assigned.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, text := range all {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// Allowed reports whether an address may be dialled: a public one, or one in
// allow.
func Allowed(a netip.Addr, allow []netip.Prefix) bool {
	zoned := a.Zone() != ""
	a = a.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(a) }
	if slices.ContainsFunc(allow, in) {
		return true
	}
	return a.IsValid() && !zoned && (a.Is4() || unicast.Contains(a)) && !slices.ContainsFunc(special, in)
}
