package setup

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"easel"
)

// Format writes a state as a file that Parse reads.
func Format(s State) ([]byte, error) {
	f := &formatter{state: s}
	out := yaml.MapSlice{}
	for _, section := range []struct {
		name  string
		value any
	}{
		{"policies", f.all(Policy, f.policy)},
		{"users", s.Names(User)},
		{"groups", f.all(Group, f.group)},
		{"projects", f.all(Images, f.project)},
		{"organisations", f.all(Org, f.organisation)},
	} {
		out = field(out, section.name, section.value)
	}
	if f.err != nil || len(out) == 0 {
		return []byte("{}\n"), f.err
	}
	return yaml.MarshalWithOptions(out, yaml.IndentSequence(true))
}

// formatter keeps the first error.
type formatter struct {
	state State
	err   error
}

// field adds what is not empty.
func field(m yaml.MapSlice, name string, value any) yaml.MapSlice {
	switch v := value.(type) {
	case yaml.MapSlice:
		if len(v) == 0 {
			return m
		}
	case []string:
		if len(v) == 0 {
			return m
		}
	case []any:
		if len(v) == 0 {
			return m
		}
	case nil:
		return m
	}
	return append(m, yaml.MapItem{Key: name, Value: value})
}

// all writes everything of a kind, by name. Nothing to say is an empty mapping.
func (f *formatter) all(kind Kind, write func(string) any) yaml.MapSlice {
	m := yaml.MapSlice{}
	for _, name := range f.state.Names(kind) {
		m = append(m, yaml.MapItem{Key: name, Value: write(name)})
	}
	return m
}

// named writes the values of a kind of one thing, by name.
func (f *formatter) named(kind Kind, of string) yaml.MapSlice {
	m := yaml.MapSlice{}
	for _, k := range f.state.Keys() {
		if k.Kind == kind && k.Of == of {
			m = append(m, yaml.MapItem{Key: k.Name, Value: f.state[k]})
		}
	}
	return m
}

// value returns what is set of a thing, nil for nothing.
func (f *formatter) value(kind Kind, of string) any {
	if v, ok := f.state[Key{Kind: kind, Of: of}]; ok {
		return v
	}
	return nil
}

// number is value as a number where it is one.
func (f *formatter) number(kind Kind, of string) any {
	v := f.value(kind, of)
	if text, ok := v.(string); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return v
}

func (f *formatter) patterns(kind Kind, of string) []string {
	text, _ := f.value(kind, of).(string)
	return Patterns(text)
}

func (f *formatter) policy(name string) any {
	var v any
	if err := json.Unmarshal([]byte(f.state[Key{Kind: Policy, Of: name}]), &v); err != nil && f.err == nil {
		f.err = fmt.Errorf("policy %s: %w", name, err)
	}
	return v
}

func (f *formatter) group(name string) any {
	users, roles := []string{}, []any{}
	for _, k := range f.state.Keys() {
		switch {
		case k.Of != name:
		case k.Kind == Member:
			users = append(users, k.Name)
		case k.Kind == Role && k.At == InAccount:
			roles = append(roles, k.Name)
		case k.Kind == Role:
			roles = append(roles, yaml.MapSlice{{Key: "role", Value: k.Name}, {Key: "project", Value: k.At}})
		}
	}
	return field(field(yaml.MapSlice{}, "users", users), "roles", roles)
}

func (f *formatter) project(name string) any {
	return yaml.MapSlice{{Key: "images", Value: f.number(Images, name)}}
}

func (f *formatter) organisation(org string) any {
	m := field(yaml.MapSlice{}, "users", f.named(OrgUser, org))
	quota := field(yaml.MapSlice{}, "repositories", f.number(Repos, org))
	m = field(m, "quota", field(quota, "space", f.number(Space, org)))
	if text, ok := f.value(Undo, org).(string); ok {
		window, budget, bounded := strings.Cut(text, ", at most ")
		undo := yaml.MapSlice{{Key: "window", Value: window}}
		if bounded {
			undo = append(undo, yaml.MapItem{Key: "budget", Value: budget})
		}
		m = field(m, "undo", undo)
	}
	m = field(m, "immutable_tags", f.patterns(OrgImmutable, org))
	repos := yaml.MapSlice{}
	for _, repo := range f.state.Names(Repo) {
		if r := easel.Repo(repo); string(r.Org()) == org {
			repos = append(repos, yaml.MapItem{Key: r.Name(), Value: f.repository(repo)})
		}
	}
	return field(m, "repositories", repos)
}

func (f *formatter) repository(repo string) any {
	m := field(yaml.MapSlice{}, "visibility", f.value(Visibility, repo))
	if text := f.value(Description, repo); text != "" {
		m = field(m, "description", text)
	}
	m = field(m, "users", f.named(RepoUser, repo))
	m = field(m, "immutable_tags", f.patterns(RepoImmutable, repo))
	if text, ok := f.value(Retention, repo).(string); ok {
		m = field(m, "retention", f.retention(repo, text))
	}
	return field(m, "shared_with", f.named(Share, repo))
}

func (f *formatter) retention(repo, text string) any {
	var rule easel.RetentionRule
	if err := json.Unmarshal([]byte(text), &rule); err != nil && f.err == nil {
		f.err = fmt.Errorf("retention of %s: %w", repo, err)
	}
	name := "keep"
	if rule.Template == easel.DateRule {
		name = "older_than"
	}
	never, neverTag := []string{}, []string{}
	for _, s := range rule.Selectors {
		if s.Kind == easel.SelectRegexp {
			never = append(never, s.Pattern)
		} else {
			neverTag = append(neverTag, s.Pattern)
		}
	}
	m := yaml.MapSlice{{Key: name, Value: rule.Number}}
	return field(field(m, "never", never), "never_tag", neverTag)
}
