package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"easel"
)

func TestOriginOf(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, tt := range []struct {
		name, addr string
		forwarded  []string
		trusted    []netip.Prefix
		want       string // Origin.Client
	}{
		{"a client", "203.0.113.7:1000", nil, nil, "203.0.113.7"},
		{"on this machine", "127.0.0.1:1000", nil, nil, "local"},
		{"on this machine, IPv6", "[::1]:1000", nil, nil, "local"},
		{"on this machine, mapped", "[::ffff:127.0.0.1]:1000", nil, nil, "local"},
		{"on this machine although there are proxies", "127.0.0.1:1000", nil, proxies, "local"},
		{"one network of IPv6", "[2001:db8:1:2:3:4:5:6]:1000", nil, nil, "2001:db8:1:2::/64"},
		{"a zone", "[fe80::1%eth0]:1000", nil, nil, "fe80::/64"},
		{"a header of a stranger", "203.0.113.7:1000", []string{"198.51.100.1"}, proxies, "203.0.113.7"},
		{"a proxy that is not trusted", "127.0.0.1:1000", []string{"198.51.100.1"}, nil, "127.0.0.1"},
		{"a proxy", "10.1.1.1:1000", []string{"198.51.100.1"}, proxies, "198.51.100.1"},
		{"a proxy on this machine", "127.0.0.1:1000", []string{"127.0.0.1, 198.51.100.1"}, proxies, "198.51.100.1"},
		{"what the client wrote itself", "10.1.1.1:1000", []string{"192.0.2.1, 198.51.100.1"}, proxies, "198.51.100.1"},
		{"two proxies, two headers", "10.1.1.1:1000", []string{"192.0.2.1, 198.51.100.1", "10.2.2.2"}, proxies, "198.51.100.1"},
		{"with a port", "10.1.1.1:1000", []string{"198.51.100.1:4711"}, proxies, "198.51.100.1"},
		{"nothing but proxies", "10.1.1.1:1000", []string{"10.3.3.3"}, proxies, "10.3.3.3"},
		{"nonsense from a proxy", "10.1.1.1:1000", []string{"192.0.2.1, unknown"}, proxies, "unknown"},
		{"an empty header from a proxy", "10.1.1.1:1000", []string{""}, proxies, "unknown"},
		{"no address", "@", nil, nil, "unknown"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.addr
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := OriginOf(r, tt.trusted).Client(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func FuzzOriginOf(f *testing.F) {
	f.Add("10.1.1.1:1", "192.0.2.1, 198.51.100.1")
	f.Add("127.0.0.1:1", ",,[::1]:7")
	f.Fuzz(func(t *testing.T, addr, forwarded string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = addr
		r.Header["X-Forwarded-For"] = []string{forwarded}
		o := OriginOf(r, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")})
		if o.Local || (o.Client() == "unknown") != (o == easel.Origin{}) {
			t.Errorf("OriginOf(%q, %q) = %+v", addr, forwarded, o)
		}
	})
}
