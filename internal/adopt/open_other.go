//go:build !linux

package adopt

// noTrace is nothing here.
const noTrace = 0
