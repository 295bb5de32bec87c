package docs

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// document is a parsed OpenAPI document. Mappings keep the order of the file:
// that is the order of the page.
type document struct {
	root node
	errs []error // references that lead nowhere
}

// node is a value in the document; the zero node is one that is not there.
type node struct{ v any }

func parse(text []byte) (*document, error) {
	var root yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(text, &root, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	return &document{root: node{root}}, nil
}

// exists reports whether the node is there; null counts.
func (n node) exists() bool { return n.v != nil }

// at returns the value under key.
func (n node) at(key string) node {
	m, _ := n.v.(yaml.MapSlice)
	for _, item := range m {
		if item.Key == key {
			return node{item.Value}
		}
	}
	return node{}
}

// field is an entry of a mapping.
type field struct {
	name  string
	value node
}

func (n node) fields() []field {
	m, _ := n.v.(yaml.MapSlice)
	all := make([]field, len(m))
	for i, item := range m {
		all[i] = field{fmt.Sprint(item.Key), node{item.Value}}
	}
	return all
}

func (n node) list() []node {
	l, _ := n.v.([]any)
	all := make([]node, len(l))
	for i, v := range l {
		all[i] = node{v}
	}
	return all
}

// text returns a scalar as it reads; "" for what is none.
func (n node) text() string {
	switch n.v.(type) {
	case nil, yaml.MapSlice, []any:
		return ""
	}
	return fmt.Sprint(n.v)
}

func (n node) truth() bool { b, _ := n.v.(bool); return b }

// deref follows references and returns the target with the name of the last
// one, "" when n is none.
func (d *document) deref(n node) (target node, name string) {
	const most = 16 // of references to references: more is a circle
	for range most {
		ref := n.at("$ref").text()
		if ref == "" {
			return n, name
		}
		parts := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		name = parts[len(parts)-1]
		target := d.root
		for _, p := range parts {
			target = target.at(strings.NewReplacer("~1", "/", "~0", "~").Replace(p))
		}
		if !strings.HasPrefix(ref, "#/") || !target.exists() {
			d.errs = append(d.errs, fmt.Errorf("%s leads nowhere", ref))
			return node{}, name
		}
		n = target
	}
	d.errs = append(d.errs, fmt.Errorf("%s leads to itself", name))
	return node{}, name
}

// describe returns the description of n: its own, or that of what it refers to.
func (d *document) describe(n node) string {
	if own := n.at("description").text(); own != "" {
		return own
	}
	target, _ := d.deref(n)
	return target.at("description").text()
}

// toJSON writes v as indented JSON in the order of the document.
func toJSON(v any) string {
	var b strings.Builder
	writeJSON(&b, v, "\n")
	return b.String()
}

func writeJSON(b *strings.Builder, v any, newline string) {
	switch v := v.(type) {
	case yaml.MapSlice:
		if len(v) == 0 {
			b.WriteString("{}")
			return
		}
		for i, item := range v {
			b.WriteString(opening(i, "{") + newline + "  " + scalarJSON(fmt.Sprint(item.Key)) + ": ")
			writeJSON(b, item.Value, newline+"  ")
		}
		b.WriteString(newline + "}")
	case []any:
		if len(v) == 0 {
			b.WriteString("[]")
			return
		}
		for i, e := range v {
			b.WriteString(opening(i, "[") + newline + "  ")
			writeJSON(b, e, newline+"  ")
		}
		b.WriteString(newline + "]")
	default:
		b.WriteString(scalarJSON(v))
	}
}

func opening(i int, bracket string) string {
	if i == 0 {
		return bracket
	}
	return ","
}

func scalarJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return scalarJSON(fmt.Sprint(v)) // what JSON does not have, such as a YAML date
	}
	return strings.TrimSuffix(b.String(), "\n")
}
