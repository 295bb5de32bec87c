// Package lists measures how long a client waits for the lists of a server
// that has very many images.
package lists

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"easel/internal/client"
)

// Options say what is measured.
type Options struct {
	Client  *client.Client
	Project string // with nothing in it but what package seed made
	Org     string // whose they are
	Images  int    // that there are
	Times   int    // that each request is sent
}

// Row is what one request took, in milliseconds.
type Row struct {
	Request string  `json:"request"`
	Matches int     `json:"matches"` // images or groups
	Median  float64 `json:"median_ms"`
	Worst   float64 `json:"worst_ms"`
}

// Summary returns the row of a request that was sent several times.
func Summary(request string, matches int, took []time.Duration) Row {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return Row{Request: request, Matches: matches, Median: ms(took[len(took)/2]), Worst: ms(took[len(took)-1])}
}

// limit is how many images a page has.
const limit = 100

// Run sends each request o.Times. Before each page but those of the walk
// something in the project changes, so that none is answered from what the
// server remembers.
func Run(ctx context.Context, o Options) (rows []Row, err error) {
	m := &meter{Options: o}
	var groups answer
	if err := m.ask(ctx, "/group", url.Values{"limit": {"1"}, "offset": {"0"}}, &groups); err != nil {
		return nil, err
	}
	if len(groups.Data) != 1 {
		return nil, fmt.Errorf("the project %s has no groups of images", o.Project)
	}
	m.group = groups.Data[0].ID
	few, most := "image12", "image" // of a thousand repositories: eleven, all
	for _, q := range []struct {
		request, path string
		query         url.Values
		offset        func(n int) int
	}{
		{request: "first page, with its total"},
		{request: "next pages of a walk", offset: func(n int) int { return (n + 1) * limit }},
		{request: "first page of a type", query: url.Values{"type": {"DEDICATED"}}},
		{request: "first page of a namespace", query: url.Values{"namespace": {o.Org}}},
		{request: "first page of a service type", query: url.Values{"service_type": {"COMMON"}}},
		{request: "first page of an exact name", query: url.Values{"name": {few}, "name_fuzzy_match": {"false"}}},
		{request: "first page with a part of a name, all match", query: url.Values{"name": {most}}},
		{request: "first page with a part of a name, a few match", query: url.Values{"name": {few}}},
		{request: "first page with a part of a name, none match", query: url.Values{"name": {"no-such"}}},
		{request: "jump to a quarter", offset: func(int) int { return o.Images / 4 }},
		{request: "jump to the middle", offset: func(int) int { return o.Images / 2 }},
		{request: "jump to nine tenths", offset: func(int) int { return o.Images / 10 * 9 }},
		{request: "first page of groups", path: "/group"},
	} {
		if q.offset == nil {
			q.offset = func(int) int { return 0 }
		}
		row, err := m.measure(ctx, q.request, q.path, q.query, q.offset)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.request, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

type meter struct {
	Options
	group string // that is changed
	seq   int
}

// answer is a page of a list.
type answer struct {
	Total int `json:"total"`
	Data  []struct {
		ID string `json:"id"`
	} `json:"data"`
}

func (m *meter) measure(ctx context.Context, request, path string, query url.Values, offset func(int) int) (Row, error) {
	var took []time.Duration
	row := Row{Request: request}
	walk := offset(1) != offset(0)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(limit))
	for n := range m.Times {
		if !walk {
			if err := m.change(ctx); err != nil {
				return row, err
			}
		}
		query.Set("offset", strconv.Itoa(offset(n)))
		var page answer
		start := time.Now()
		if err := m.ask(ctx, path, query, &page); err != nil {
			return row, err
		}
		took = append(took, time.Since(start))
		row.Matches = page.Total
		if want := min(limit, max(0, page.Total-offset(n))); len(page.Data) != want {
			return row, fmt.Errorf("the page at %d of %d has %d, want %d", offset(n), page.Total, len(page.Data), want)
		}
		if unfiltered := len(query) == 2 && path == ""; unfiltered && page.Total != m.Images {
			return row, fmt.Errorf("there are %d images, want %d", page.Total, m.Images)
		}
	}
	return Summary(request, row.Matches, took), nil
}

func (m *meter) ask(ctx context.Context, path string, query url.Values, out *answer) error {
	_, err := m.Client.Do(ctx, client.Call{Method: http.MethodGet, Path: "/v1/" + m.Project + "/images" + path, Query: query, Out: out})
	return err
}

// change lets the server forget what it remembers of the project's images.
func (m *meter) change(ctx context.Context) error {
	m.seq++
	in := map[string]string{"read_me": fmt.Sprint("changed ", m.seq)}
	_, err := m.Client.Do(ctx, client.Call{Method: http.MethodPut, Path: "/v1/" + m.Project + "/images/group/" + m.group, In: in})
	return err
}

// WriteMarkdown writes the rows as a table.
func WriteMarkdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| request | matches | median, ms | worst, ms |\n|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %.3g | %.3g |\n", r.Request, r.Matches, r.Median, r.Worst)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
