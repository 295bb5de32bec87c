package docs

import (
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// reference is what a family's page says.
type reference struct {
	Name, Title, Version, Summary string
	Description                   template.HTML
	Groups                        []*group
	Schemas                       []schema
	Operations                    int
}

// group holds the operations of one tag.
type group struct {
	Name        string
	ID          string
	Description template.HTML
	Operations  []operation
}

type operation struct {
	ID, Method, Path, Summary string
	Deprecated                bool
	Public                    bool // needs no credentials
	Description               template.HTML
	Parameters                []parameter
	Body                      *body
	Responses                 []response
	Sample                    string // of the first success
	SampleStatus              string
}

type parameter struct {
	row
	In string
}

// body is the content of a request or response in one media type.
type body struct {
	MediaTypes  string
	Required    bool
	Description template.HTML
	Type        typeName
	Rows        []row
	Sample      string
}

type response struct {
	Status, Text string
	Success      bool
	Description  template.HTML
	Headers      []row
	Body         *body
}

// Detailed reports whether there is more to say than status and description.
func (r response) Detailed() bool {
	return len(r.Headers) > 0 || r.Body != nil && (len(r.Body.Rows) > 0 || r.Body.Type.Schema != "")
}

type schema struct {
	Name, ID    string
	Description template.HTML
	Rows        []row
}

// read makes a page of a family's document.
func read(f Family) (*reference, error) {
	d, err := parse(f.Document)
	if err != nil {
		return nil, err
	}
	info := d.root.at("info")
	ref := &reference{
		Name: f.Name, Title: f.Title, Version: info.at("version").text(),
		Summary: firstOf(info.at("summary").text(), info.at("description").text()), Description: prose(info.at("description").text()),
	}
	for _, tag := range d.root.at("tags").list() {
		ref.group(tag.at("name").text()).Description = prose(tag.at("description").text())
	}
	for _, path := range d.root.at("paths").fields() {
		item, _ := d.deref(path.value)
		for _, op := range item.fields() {
			if !methods[op.name] {
				continue
			}
			tags := op.value.at("tags").list()
			name := "Operations"
			if len(tags) > 0 {
				name = tags[0].text()
			}
			g := ref.group(name)
			g.Operations = append(g.Operations, d.operation(strings.ToUpper(op.name), path.name, item, op.value))
			ref.Operations++
		}
	}
	for _, s := range d.root.at("components").at("schemas").fields() {
		if d.structured(s.value) {
			ref.Schemas = append(ref.Schemas, schema{Name: s.name, ID: "schema-" + s.name, Description: prose(d.describe(s.value)), Rows: d.rows(s.value, 0)})
		}
	}
	return ref, errors.Join(d.errs...)
}

var methods = map[string]bool{"get": true, "put": true, "post": true, "delete": true, "options": true, "head": true, "patch": true}

// firstOf returns the summary, else the first sentence of the description.
func firstOf(summary, description string) string {
	if summary != "" {
		return summary
	}
	paragraph, _, _ := strings.Cut(strings.TrimSpace(description), "\n\n")
	return strings.ReplaceAll(paragraph, "\n", " ")
}

// group returns the group called name, which is made if need be.
func (r *reference) group(name string) *group {
	for _, g := range r.Groups {
		if g.Name == name {
			return g
		}
	}
	g := &group{Name: name, ID: "group-" + strings.ReplaceAll(name, " ", "-")}
	r.Groups = append(r.Groups, g)
	return g
}

func (d *document) operation(method, path string, item, op node) operation {
	out := operation{
		ID: op.at("operationId").text(), Method: method, Path: path, Summary: op.at("summary").text(),
		Deprecated: op.at("deprecated").truth(), Public: d.public(op), Description: prose(op.at("description").text()),
	}
	for _, p := range append(item.at("parameters").list(), op.at("parameters").list()...) {
		out.Parameters = append(out.Parameters, d.parameter(p))
	}
	if b, _ := d.deref(op.at("requestBody")); b.exists() {
		out.Body = d.body(b)
	}
	for _, r := range op.at("responses").fields() {
		res := d.response(r.name, r.value)
		if res.Success && out.SampleStatus == "" {
			out.SampleStatus = strings.TrimSpace(res.Status + " " + res.Text)
			if res.Body != nil {
				out.Sample = res.Body.Sample
			}
		}
		out.Responses = append(out.Responses, res)
	}
	return out
}

// public reports whether the operation, or the document for it, asks for no credentials.
func (d *document) public(op node) bool {
	security := op.at("security")
	if !security.exists() {
		security = d.root.at("security")
	}
	return len(security.list()) == 0
}

func (d *document) parameter(n node) parameter {
	p, _ := d.deref(n)
	s := p.at("schema")
	about := d.describe(n)
	if about == "" {
		about = d.describe(s)
	}
	return parameter{
		In:  p.at("in").text(),
		row: row{Name: p.at("name").text(), Required: p.at("required").truth(), Type: d.typeName(s), Bounds: d.bounds(s), Description: line(about)},
	}
}

// body describes the first media type; all of them are named. No content: nil.
func (d *document) body(n node) *body {
	content := n.at("content").fields()
	if len(content) == 0 {
		return nil
	}
	var names []string
	for _, c := range content {
		names = append(names, c.name)
	}
	media := content[0].value
	s := media.at("schema")
	out := &body{
		MediaTypes: strings.Join(names, ", "), Required: n.at("required").truth(), Description: prose(n.at("description").text()),
		Type: d.typeName(s), Rows: d.rows(s, 0),
	}
	if strings.Contains(content[0].name, "json") {
		out.Sample = toJSON(d.mediaSample(media))
	}
	return out
}

func (d *document) mediaSample(media node) any {
	if given := media.at("example"); given.exists() {
		return given.v
	}
	for _, e := range media.at("examples").fields() {
		if v, _ := d.deref(e.value); v.at("value").exists() {
			return v.at("value").v
		}
	}
	return d.sample(media.at("schema"), 0)
}

func (d *document) response(status string, n node) response {
	target, _ := d.deref(n)
	code, _ := strconv.Atoi(status) // "default" and "4XX" have no number
	out := response{Status: status, Text: http.StatusText(code), Success: strings.HasPrefix(status, "2"), Description: line(d.describe(n)), Body: d.body(target)}
	if status == "default" {
		out.Status, out.Text = "other", ""
	}
	for _, h := range target.at("headers").fields() {
		header, _ := d.deref(h.value)
		s := header.at("schema")
		out.Headers = append(out.Headers, row{
			Name: h.name, Required: header.at("required").truth(), Type: d.typeName(s), Bounds: d.bounds(s), Description: line(d.describe(h.value)),
		})
	}
	return out
}
