package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"easel/internal/catalog"
	"easel/internal/client"
)

type duCommand struct {
	viewer `embed:""`
	Scope  string `arg:"" optional:"" placeholder:"ORG[/NAME[:TAG]]" help:"Only this organisation, repository or image."`
	By     string `env:"-" default:"org" enum:"org,project,user" help:"What the whole is divided by: org, project or user."`
	Depth  int    `env:"-" default:"2" placeholder:"N" help:"Levels to show below the scope, 0 to 3."`
	Limit  int    `env:"-" default:"20" placeholder:"N" help:"Parts to show of each, the largest."`
}

// Help is the text below the flags.
func (duCommand) Help() string {
	return `EXCLUSIVE goes when the scope goes; SHARED is needed by others, too; PINNED is held by a push only; WAITING are
uploads that are not finished; TRASH can be restored, and nothing else holds it. A repository counts for the user who made it and for the project of that user's login.

Examples:

  easel du
  easel du vision-team --depth 1
  easel du vision-team/torch
  easel du --by project`
}

// Run shows what holds how many bytes, as a tree.
func (c *duCommand) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{"by": {c.By}, "depth": {strconv.Itoa(c.Depth)}, "limit": {strconv.Itoa(c.Limit)}}
	set(query, "scope", c.Scope)
	var found catalog.Usage
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/ledger", Query: query, Out: &found}); err != nil {
		return err
	}
	return ses.print(found, func(w io.Writer) {
		row(w, "EXCLUSIVE", "SHARED", "PINNED", "WAITING", "TRASH", "BLOBS", "SCOPE")
		if found.Kind != "" {
			writeUsage(w, found, 0)
			return
		}
		for _, part := range found.Parts {
			writeUsage(w, part, 0)
		}
	})
}

// writeUsage writes a scope and, indented, its parts.
func writeUsage(w io.Writer, u catalog.Usage, level int) {
	name := u.Name
	switch {
	case u.Kind == "domain", u.Kind == "user", u.Kind == "project":
		name = u.Kind + " " + u.Name
		if u.Name == "" {
			name = "no " + u.Kind
		}
	case u.Kind == "image" && level > 0:
		_, tag, _ := strings.Cut(u.Name, ":")
		name = ":" + tag
	}
	row(w, size(u.Exclusive), size(u.Shared), size(u.Pinned), size(u.Waiting), size(u.Trash), fmt.Sprint(u.Blobs), strings.Repeat("  ", level)+name)
	for _, part := range u.Parts {
		writeUsage(w, part, level+1)
	}
}
