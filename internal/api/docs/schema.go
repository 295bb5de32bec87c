package docs

import (
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// row is a property in a table; the properties of an inline object follow it
// one level deeper.
type row struct {
	Level       int
	Name        string
	Type        typeName
	Required    bool
	Bounds      []string
	Description template.HTML
}

// typeName is a type in words, around the name of a schema that has a section
// of its own.
type typeName struct{ Before, Schema, After string }

// maxLevel bounds the nesting of tables and samples.
const maxLevel = 6

// rows lists the properties of an object schema, or of an array's items.
func (d *document) rows(schema node, level int) []row {
	schema, _ = d.deref(schema)
	if items := schema.at("items"); items.exists() {
		return d.rows(items, level)
	}
	var all []row
	for _, part := range schema.at("allOf").list() {
		if level < maxLevel {
			all = append(all, d.rows(part, level)...)
		}
	}
	required := schema.at("required").list()
	for _, p := range schema.at("properties").fields() {
		all = append(all, row{
			Level: level, Name: p.name, Type: d.typeName(p.value), Bounds: d.bounds(p.value), Description: line(d.describe(p.value)),
			Required: slices.ContainsFunc(required, func(n node) bool { return n.text() == p.name }),
		})
		if inner := d.inline(p.value); inner.exists() && level < maxLevel {
			all = append(all, d.rows(inner, level+1)...)
		}
	}
	return all
}

// inline returns the object that n or its items spell out in place.
func (d *document) inline(n node) node {
	for n.at("items").exists() {
		n = n.at("items")
	}
	if n.at("properties").exists() || n.at("allOf").exists() {
		return n
	}
	return node{}
}

// structured reports whether a schema is worth a section: it has properties,
// alone or as items.
func (d *document) structured(n node) bool {
	n, _ = d.deref(n)
	for n.at("items").exists() {
		n, _ = d.deref(n.at("items"))
	}
	return n.at("properties").exists() || n.at("allOf").exists() || n.at("oneOf").exists()
}

func (d *document) typeName(n node) typeName {
	target, name := d.deref(n)
	if name != "" && d.structured(n) {
		return typeName{Schema: name}
	}
	if items := target.at("items"); items.exists() {
		t := d.typeName(items)
		t.Before = "array of " + t.Before
		return t
	}
	var words []string
	switch types := target.at("type"); {
	case len(types.list()) > 0:
		for _, t := range types.list() {
			words = append(words, typeWord(t))
		}
	case types.exists():
		words = append(words, typeWord(types))
	case target.at("oneOf").exists() || target.at("anyOf").exists():
		for _, t := range append(target.at("oneOf").list(), target.at("anyOf").list()...) {
			w := d.typeName(t)
			words = append(words, w.Before+w.Schema+w.After)
		}
	case target.at("properties").exists() || target.at("allOf").exists():
		words = append(words, "object")
	default:
		words = append(words, valueType(append([]node{target.at("const")}, target.at("enum").list()...)))
	}
	if more := target.at("additionalProperties"); len(more.fields()) > 0 {
		t := d.typeName(more)
		return typeName{"map to " + t.Before, t.Schema, t.After}
	}
	return typeName{Before: strings.Join(words, " or ")}
}

// valueType names the type of the first value that is there.
func valueType(values []node) string {
	for _, n := range values {
		switch n.v.(type) {
		case nil:
		case string:
			return "string"
		case bool:
			return "boolean"
		case int64, uint64:
			return "integer"
		}
	}
	return "any"
}

// typeWord returns a type's name; YAML may read the bare word null as nothing.
func typeWord(n node) string {
	if t := n.text(); t != "" {
		return t
	}
	return "null"
}

// bounds lists what a value must keep to, each in a few words.
func (d *document) bounds(n node) []string {
	n, _ = d.deref(n)
	var all []string
	add := func(before, key string) {
		if v := n.at(key); v.text() != "" {
			all = append(all, before+v.text())
		}
	}
	add("", "format")
	if values := n.at("enum").list(); len(values) > 0 {
		var words []string
		for _, v := range values {
			words = append(words, scalarJSON(v.v))
		}
		all = append(all, strings.Join(words, " | "))
	}
	if c := n.at("const"); c.exists() {
		all = append(all, "always "+scalarJSON(c.v))
	}
	add("≥ ", "minimum")
	add("> ", "exclusiveMinimum")
	add("≤ ", "maximum")
	add("< ", "exclusiveMaximum")
	add("length ≥ ", "minLength")
	add("length ≤ ", "maxLength")
	add("length ≥ ", "minItems")
	add("length ≤ ", "maxItems")
	add("", "pattern")
	if v := n.at("default"); v.exists() {
		all = append(all, "default "+scalarJSON(v.v))
	}
	if items := n.at("items"); items.exists() {
		all = append(all, d.bounds(items)...)
	}
	return all
}

// sample returns an example of a media type or schema: one that the document
// gives, else one made of its parts.
func (d *document) sample(n node, level int) any {
	target, _ := d.deref(n)
	for _, given := range []node{n.at("example"), target.at("example")} {
		if given.exists() {
			return given.v
		}
	}
	if first := append(target.at("examples").list(), target.at("enum").list()...); len(first) > 0 {
		return first[0].v
	}
	for _, key := range []string{"const", "default"} {
		if v := target.at(key); v.exists() {
			return v.v
		}
	}
	if items := target.at("items"); items.exists() {
		if level >= maxLevel {
			return []any{}
		}
		return []any{d.sample(items, level+1)}
	}
	if rows := d.structured(target) || target.at("type").text() == "object"; rows {
		return d.sampleObject(target, level)
	}
	return sampleScalar(target)
}

func (d *document) sampleObject(n node, level int) yaml.MapSlice {
	out := yaml.MapSlice{}
	if level >= maxLevel {
		return out
	}
	for _, part := range append(n.at("allOf").list(), n.at("oneOf").list()...) {
		if m, ok := d.sample(part, level+1).(yaml.MapSlice); ok {
			out = append(out, m...)
		}
	}
	for _, p := range n.at("properties").fields() {
		out = slices.DeleteFunc(out, func(have yaml.MapItem) bool { return have.Key == p.name })
		out = append(out, yaml.MapItem{Key: p.name, Value: d.sample(p.value, level+1)})
	}
	return out
}

func sampleScalar(n node) any {
	kind := n.at("type").text()
	if types := n.at("type").list(); len(types) > 0 {
		kind = typeWord(types[0])
	}
	switch kind {
	case "integer", "number":
		if least := n.at("minimum"); least.exists() {
			return least.v
		}
		return 0
	case "boolean":
		return false
	case "null":
		return nil
	}
	switch n.at("format").text() {
	case "date-time":
		return "2026-01-02T03:04:05Z"
	case "date":
		return "2026-01-02"
	case "uuid":
		return "019b7d5c-0000-7000-8000-000000000001"
	}
	return "string"
}
