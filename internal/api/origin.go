package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"easel"
)

// OriginOf returns where a request came from. A proxy is believed only when
// its address is in trusted: then the client is the last address in
// X-Forwarded-For that is not a trusted proxy's, since everything before it is
// what that client says.
func OriginOf(r *http.Request, trusted []netip.Prefix) easel.Origin {
	addr := hopAddr(r.RemoteAddr)
	forwarded := r.Header.Values("X-Forwarded-For")
	local := addr.IsLoopback() && len(forwarded) == 0 && r.Header.Get("Forwarded") == ""
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && contains(trusted, addr) && len(forwarded) > 0; i-- {
		if addr = hopAddr(strings.TrimSpace(hops[i])); !addr.IsValid() {
			break // whatever was written there, nobody knows the client
		}
	}
	return easel.Origin{Addr: addr, Local: local}
}

// hopAddr parses an address with or without a port; not valid when it is
// neither.
func hopAddr(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone("")
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
