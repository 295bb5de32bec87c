package modelarts

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench"
)

// The values of enumerated fields (images.md 2.3).
var (
	serviceTypes = []string{"COMMON", "INFERENCE", "TRAIN", "DEV", "UNKNOWN"}
	arches       = []string{"x86_64", "aarch64"}
	origins      = []string{easel.OriginCustomize, easel.OriginImageSave}
	categories   = []string{"CPU", "GPU", "ASCEND"}
	services     = []string{"NOTEBOOK", "SSH", "AI_FLOW", "MA_STUDIO", "TENSOR_BOARD", "WEB_IDE", "MODELBOX"}
	visibilities = []string{easel.Private, easel.Public}
	flavorTypes  = []string{"ASCEND_SNT9", "ASCEND_SNT9B", "ASCEND_SNT3"}
)

// The bounds of text fields in characters.
const (
	maxDescription    = 512
	maxRegisterReadMe = 3000
	maxReadMe         = 30000
	maxTagKey         = 128
	maxTagValue       = 255
	maxInstanceID     = 64
)

// registration is the body of operation B.
type registration struct {
	SWRPath            string             `json:"swr_path"`
	Arch               string             `json:"arch"`
	Description        string             `json:"description"`
	Origin             string             `json:"origin"`
	ResourceCategories []string           `json:"resource_category"`
	ServiceType        string             `json:"service_type"`
	Services           []string           `json:"services"`
	Visibility         string             `json:"visibility"`
	WorkspaceID        string             `json:"workspace_id"`
	FlavorType         string             `json:"flavor_type"`
	Tags               *[]json.RawMessage `json:"tags"`
	SWRInstanceID      string             `json:"swr_instance_id"`
	ReadMe             *string            `json:"read_me"`
}

// registerImage is operation B.
func (e *edge) registerImage(w http.ResponseWriter, r *http.Request) error {
	body, there, err := readObject[registration](r)
	if err != nil {
		return err
	}
	if !there {
		return easel.E(easel.Invalid, "body", "a JSON object with swr_path is wanted")
	}
	in, err := body.parse()
	if err != nil {
		return err
	}
	in.Project, in.Host = r.PathValue("project_id"), e.host(r)
	i, err := e.images.Register(r.Context(), in)
	if err != nil {
		return err
	}
	return ok(w, wireImage(i))
}

// parse checks bounds and fills in defaults.
func (b registration) parse() (workbench.Registration, error) {
	if b.SWRPath == "" {
		return workbench.Registration{}, easel.E(easel.Invalid, "required", "swr_path is missing")
	}
	var f fields
	in := workbench.Registration{
		Workspace:          b.WorkspaceID,
		Path:               b.SWRPath,
		Arch:               f.enum("arch", b.Arch, "x86_64", arches),
		Description:        f.text("description", b.Description, maxDescription),
		Origin:             f.enum("origin", b.Origin, easel.OriginCustomize, origins),
		ResourceCategories: f.enums("resource_category", b.ResourceCategories, []string{"CPU", "GPU"}, categories),
		ServiceType:        f.enum("service_type", b.ServiceType, "UNKNOWN", serviceTypes),
		Services:           f.enums("services", b.Services, []string{"NOTEBOOK", "SSH"}, services),
		Visibility:         f.enum("visibility", b.Visibility, easel.Private, visibilities),
		FlavorType:         f.enum("flavor_type", b.FlavorType, "", flavorTypes),
		SWRInstance:        f.text("swr_instance_id", b.SWRInstanceID, maxInstanceID),
	}
	if b.ReadMe != nil {
		f.text("read_me", *b.ReadMe, maxRegisterReadMe)
		in.ReadMe = b.ReadMe
	}
	if b.Tags != nil {
		in.Tags = f.tags(*b.Tags)
	}
	return in, f.err
}

// fields checks values of a body and remembers the first that is not acceptable.
type fields struct{ err error }

func (f *fields) fail(noun easel.Noun, format string, args ...any) {
	if f.err == nil {
		f.err = easel.E(easel.Invalid, noun, format, args...)
	}
}

// text checks a text of at most limit characters.
func (f *fields) text(name, v string, limit int) string {
	if n := utf8.RuneCountInString(v); n > limit {
		f.fail("property", "%s has %d characters; at most %d are taken", name, n, limit)
	}
	if strings.ContainsRune(v, 0) {
		f.fail("characters", "%s contains a NUL character", name)
	}
	return v
}

// enum returns v in the spelling of values; def when it is empty.
func (f *fields) enum(name, v, def string, values []string) string {
	if v == "" {
		return def
	}
	known, ok := enum(v, values)
	if !ok {
		f.fail("property", "%s is %.64q: want one of %s", name, v, strings.Join(values, ", "))
	}
	return known
}

// enums returns each of vs once, in order; def when there are none.
func (f *fields) enums(name string, vs, def, values []string) []string {
	var out []string
	for _, v := range vs {
		known, ok := enum(v, values)
		if !ok {
			f.fail("property", "%s contains %.64q: want some of %s", name, v, strings.Join(values, ", "))
		}
		if !slices.Contains(out, known) {
			out = append(out, known)
		}
	}
	if len(out) == 0 {
		return def
	}
	return out
}

// tags reads tags as objects with key and value, or as strings "key=value"
// (images.md, decision 13).
func (f *fields) tags(raw []json.RawMessage) []easel.ResourceTag {
	if len(raw) > catalog.MaxGroupTags {
		f.fail("property", "there are %d tags; at most %d are taken", len(raw), catalog.MaxGroupTags)
		return nil
	}
	out := []easel.ResourceTag{}
	for _, b := range raw {
		tag, readable := parseTag(b)
		if !readable || tag.Key == "" || slices.ContainsFunc(out, func(t easel.ResourceTag) bool { return t.Key == tag.Key }) {
			f.fail("property", `a tag must be an object with key and value or a string "key=value", and each key may be there once: %.200s`, b)
			continue
		}
		f.text("the key of a tag", tag.Key, maxTagKey)
		f.text("the value of a tag", tag.Value, maxTagValue)
		out = append(out, tag)
	}
	return out
}

func parseTag(b json.RawMessage) (tag easel.ResourceTag, readable bool) {
	var s string
	if json.Unmarshal(b, &s) == nil && b[0] == '"' {
		tag.Key, tag.Value, readable = strings.Cut(s, "=")
		return tag, readable
	}
	return tag, b[0] == '{' && json.Unmarshal(b, &tag) == nil
}
