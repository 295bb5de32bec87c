package workbench

import (
	"net"
	"strconv"
	"strings"

	"easel"
)

// The bounds of an image path in characters, registry included (images.md 2.4).
const (
	minPath = 16
	maxPath = 2048
)

// imagePath parses an image path that a client sent and returns it with a
// registry: the one that was sent, which must be this one, else host. Errors:
// Invalid; NotFound "registry" for a path of another registry.
func (s *Service) imagePath(path, host string) (full string, p easel.ImagePath, err error) {
	p, err = easel.ParseImagePath(path)
	if err != nil {
		return "", p, err
	}
	if p.Registry == "" {
		p.Registry = host
	}
	full = p.String()
	if len(full) < minPath || len(full) > maxPath {
		return "", p, easel.E(easel.Invalid, "image path", "the image path has %d characters; want %d to %d", len(full), minPath, maxPath)
	}
	if !s.ownHost(p.Registry, host) {
		return "", p, easel.E(easel.NotFound, "registry", "%.200s is another registry: push the image to %s first", p.Registry, host)
	}
	return full, p, nil
}

// ownHost reports whether registry is a name of this registry (images.md, decision 29).
func (s *Service) ownHost(registry, host string) bool {
	registry = hostKey(registry)
	if registry == hostKey(host) {
		return true
	}
	if s.o.Port != 0 {
		port := strconv.Itoa(s.o.Port)
		for _, local := range []string{"localhost", "127.0.0.1", "::1"} {
			if registry == hostKey(net.JoinHostPort(local, port)) {
				return true
			}
		}
	}
	for _, alias := range s.o.Hosts {
		if registry == hostKey(alias) {
			return true
		}
	}
	return false
}

// hostKey makes spellings of one host equal: letter case and the ports that
// clients leave out do not count.
func hostKey(host string) string {
	host = strings.ToLower(host)
	for _, port := range []string{":443", ":80"} {
		host = strings.TrimSuffix(host, port)
	}
	return host
}
