package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"easel"
	"easel/internal/client"
)

// find returns the images that names mean, ids or paths, in order and each
// once. A path may leave out the registry host. It is looked for in the default
// workspace, and then in all that the caller may enter.
func (s *session) find(ctx context.Context, names []string) ([]image, error) {
	var all, elsewhere []image
	var found []image
	taken := map[string]bool{}
	for _, name := range names {
		var match []image
		if easel.IsUUID(name) {
			var i image
			if err := s.modelarts(ctx, http.MethodGet, "/images/"+name, nil, nil, &i); err != nil {
				return nil, err
			}
			match = []image{i}
		} else {
			if all == nil {
				var err error
				if all, err = s.images(ctx, url.Values{}); err != nil {
					return nil, err
				}
			}
			match = matching(all, name)
			if len(match) == 0 && elsewhere == nil {
				var err error
				if elsewhere, err = s.imagesElsewhere(ctx); err != nil {
					return nil, err
				}
			}
			match = append(match, matching(elsewhere, name)...)
		}
		if len(match) != 1 {
			return nil, ambiguous(name, match)
		}
		if !taken[match[0].ID] {
			taken[match[0].ID] = true
			found = append(found, match[0])
		}
	}
	return found, nil
}

// imagesElsewhere returns the images of all workspaces but the default one,
// of those that the caller may list and enter; never nil.
func (s *session) imagesElsewhere(ctx context.Context) ([]image, error) {
	all := []image{}
	found, err := s.workspaces(ctx, url.Values{"filter_accessible": {"true"}})
	if client.IsStatus(err, http.StatusForbidden) {
		return all, nil
	}
	for _, w := range found {
		if w.ID == easel.DefaultWorkspace {
			continue
		}
		some, err := s.images(ctx, url.Values{"workspace_id": {w.ID}, "type": {easel.Dedicated}})
		if err != nil && !client.IsStatus(err, http.StatusForbidden) {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, err
}

// matching returns the images whose path, with or without registry host, is name.
func matching(all []image, name string) []image {
	var match []image
	for _, i := range all {
		if i.Path == name || withoutHost(i.Path) == withoutHost(name) {
			match = append(match, i)
		}
	}
	return match
}

func withoutHost(path string) string {
	if p, err := easel.ParseImagePath(path); err == nil {
		p.Registry = ""
		return p.String()
	}
	return path
}

func ambiguous(name string, match []image) error {
	if len(match) == 0 {
		return fmt.Errorf("there is no image %s; easel image ls -a shows what there is", name)
	}
	ids := make([]string, len(match))
	for i := range match {
		ids[i] = match[i].ID
	}
	return fmt.Errorf("%s means %d images; name one by its id: %s", name, len(match), strings.Join(ids, ", "))
}
