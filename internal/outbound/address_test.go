package outbound

import (
	"net/netip"
	"testing"
)

func TestAllowed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.255.255": true, "172.32.0.1": true, "2606:4700::1111": true, "2a00:1450:4001::1": true,
		"::ffff:8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "127.255.255.254": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.192": false, "192.168.1.1": false, "198.18.0.1": false,
		"224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,

		"::": false, "::1": false, "::127.0.0.1": false, "::8.8.8.8": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
		"::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::a00:1": false, "100::1": false, "2001::1": false, "2001:db8::1": false,
		"2002:7f00:1::": false, "3fff::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false,
		"2606:4700::1111%eth0": false,
	} {
		if got := Allowed(netip.MustParseAddr(address), nil); got != want {
			t.Errorf("Allowed(%s) = %v, want %v", address, got, want)
		}
	}
	allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd00::1": true, "127.0.0.1": false} {
		if got := Allowed(netip.MustParseAddr(address), allow); got != want {
			t.Errorf("with networks that are allowed: Allowed(%s) = %v, want %v", address, got, want)
		}
	}
}

// FuzzAllowed compares with what the standard library knows about addresses:
// nothing that it calls local may be dialled.
func FuzzAllowed(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "::ffff:10.0.0.1", "fe80::1%lo", "2606:4700::1"} {
		f.Add(netip.MustParseAddr(text).AsSlice())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		a, ok := netip.AddrFromSlice(bytes)
		if !ok || !Allowed(a, nil) {
			return
		}
		b := a.Unmap()
		if b.IsLoopback() || b.IsPrivate() || b.IsLinkLocalUnicast() || b.IsMulticast() || b.IsUnspecified() || !b.IsGlobalUnicast() {
			t.Errorf("%s may be dialled", a)
		}
		if Allowed(a.WithZone("eth0"), nil) && a.Is6() {
			t.Errorf("%s may be dialled in a zone", a)
		}
	})
}
