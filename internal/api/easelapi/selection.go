package easelapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"easel"
	"easel/internal/api"
	"easel/internal/workbench"
)

// maxImages bounds one plan, deletion or job.
const maxImages = workbench.MaxImages

// selection is the body of a plan, a deletion and a job. Exactly one of its
// fields before Force says what goes.
type selection struct {
	Images     []string        `json:"images"`
	Group      string          `json:"group"`
	Filter     json.RawMessage `json:"filter"`
	Repository string          `json:"repository"`
	Tag        string          `json:"tag"`      // repository:tag
	Manifest   string          `json:"manifest"` // repository@digest
	Force      bool            `json:"force"`
	Now        bool            `json:"now"`
}

// target is a selection that was understood: images of the credential's
// project, or, when repo is not empty, content of a repository.
type target struct {
	images workbench.Deletion
	repo   easel.Repo
	ref    easel.Ref // zero: the whole repository
	now    bool      // whatever the undo window
}

// context is ctx for the transaction on t.
func (t target) context(ctx context.Context) context.Context {
	if t.now {
		return easel.WithDeleteNow(ctx)
	}
	return ctx
}

// readTarget reads the body.
func readTarget(r *http.Request) (t target, err error) {
	var in selection
	if _, err := api.ReadJSON(r, &in); err != nil {
		return target{}, err
	}
	named := 0
	for _, is := range []bool{len(in.Images) > 0, in.Group != "", len(in.Filter) > 0 && string(in.Filter) != "null", in.Repository != "", in.Tag != "", in.Manifest != ""} {
		if is {
			named++
		}
	}
	switch {
	case named == 0:
		return target{}, easel.E(easel.Invalid, "missing field", "say what goes: images (ids), group, filter, repository, tag or manifest")
	case named > 1:
		return target{}, easel.E(easel.Invalid, "parameter", "name one of images, group, filter, repository, tag and manifest, not several")
	case in.Repository != "" || in.Tag != "" || in.Manifest != "":
		t, err = in.content()
	default:
		t, err = in.records(easel.PrincipalFrom(r.Context()).ProjectID)
	}
	t.now = in.Now
	return t, err
}

func (in selection) records(project string) (t target, err error) {
	t.images = workbench.Deletion{Project: project, IDs: in.Images, Group: in.Group, Force: in.Force}
	if len(in.Images) > maxImages {
		return t, easel.E(easel.Invalid, "parameter", "at most %d images go in one call", maxImages)
	}
	seen := make(map[string]bool, len(in.Images))
	for _, id := range in.Images {
		if seen[id] {
			return t, easel.E(easel.Invalid, "parameter", "the image %.64q is named twice", id)
		}
		seen[id] = true
	}
	if len(in.Images) == 0 && in.Group == "" {
		t.images.Filter, err = readFilter(in.Filter)
	}
	return t, err
}

func (in selection) content() (t target, err error) {
	name, reference := in.Repository, ""
	switch {
	case in.Tag != "":
		i := strings.LastIndexByte(in.Tag, ':')
		if i < 0 {
			return t, easel.E(easel.Invalid, "tag", "tag is repository:tag, not %.200q", in.Tag)
		}
		name, reference = in.Tag[:i], in.Tag[i+1:]
		t.ref.Tag, err = easel.ParseTag(reference)
	case in.Manifest != "":
		i := strings.LastIndexByte(in.Manifest, '@')
		if i < 0 {
			return t, easel.E(easel.Invalid, "digest", "manifest is repository@digest, not %.200q", in.Manifest)
		}
		name, reference = in.Manifest[:i], in.Manifest[i+1:]
		t.ref.Digest, err = easel.ParseDigest(reference)
	}
	if err != nil {
		return t, err
	}
	t.repo, err = easel.ParseRepo(name)
	return t, err
}

// filter selects images of the project: those that have all the given fields.
type filter struct {
	Name        string `json:"name"` // part of it
	NameExact   bool   `json:"name_exact"`
	Tag         string `json:"tag"`
	Namespace   string `json:"namespace"`
	Type        string `json:"type"`
	ServiceType string `json:"service_type"`
	Visibility  string `json:"visibility"`
	Status      string `json:"status"`
	WorkspaceID string `json:"workspace_id"` // "": the default one
	OlderThan   string `json:"older_than"`   // since its record was made, like 12h or 30d
}

func readFilter(text json.RawMessage) (*workbench.Filter, error) {
	var in filter
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, badFilter("%s; it has name, name_exact, tag, namespace, type, service_type, visibility, status, workspace_id, older_than", strings.TrimPrefix(err.Error(), "json: "))
	}
	if in == (filter{}) || in == (filter{NameExact: true}) {
		return nil, badFilter("it is empty, which would be every image of the project")
	}
	for _, c := range []struct {
		field, value string
		known        []string
	}{
		{"type", in.Type, []string{easel.Dedicated, easel.BuildIn}},
		{"service_type", in.ServiceType, []string{"COMMON", "INFERENCE", "TRAIN", "DEV", "UNKNOWN"}},
		{"visibility", in.Visibility, []string{easel.Private, easel.Public}},
		{"status", in.Status, []string{string(easel.ImageInit), string(easel.ImageCreating), string(easel.ImageActive), string(easel.ImageCreateFailed), string(easel.ImageError)}},
	} {
		if c.value != "" && !slices.Contains(c.known, c.value) {
			return nil, badFilter("%s is %.40q: want one of %s", c.field, c.value, strings.Join(c.known, ", "))
		}
	}
	for _, text := range []string{in.Name, in.Tag, in.Namespace} {
		if len(text) > 512 || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return nil, badFilter("name, tag and namespace are text of at most 512 bytes")
		}
	}
	f := &workbench.Filter{Name: in.Name, NameExact: in.NameExact, Tag: in.Tag, Org: easel.Org(in.Namespace), Type: in.Type,
		ServiceType: in.ServiceType, Visibility: in.Visibility, Status: in.Status, Workspace: in.WorkspaceID}
	if f.Type == "" {
		f.Type = easel.Dedicated
	}
	if in.OlderThan != "" {
		age, err := parseAge(in.OlderThan)
		if err != nil {
			return nil, err
		}
		f.Age = age
	}
	return f, nil
}

func badFilter(format string, args ...any) error {
	return easel.E(easel.Invalid, "filter", "the filter cannot be used: "+format, args...)
}

// ageUnits are the letters that an age may end with.
var ageUnits = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// maxAge is the oldest that anything can be asked to be.
const maxAge = 100 * 365 * 24 * time.Hour

// parseAge parses "90m", "12h", "30d" and "6w".
func parseAge(s string) (time.Duration, error) {
	unit := ageUnits[s[len(s)-1]]
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	if unit == 0 || err != nil || n < 1 || n > int64(maxAge/unit) {
		return 0, badFilter("older_than is %.40q: want a positive number with m, h, d or w, like 30d", s)
	}
	return time.Duration(n) * unit, nil
}
