//go:build !failpoint

package failpoint

// Hit passes the point called name.
func Hit(name string) {}

// Err passes the point called name and returns the error that it is armed with.
func Err(name string) error { return nil }
