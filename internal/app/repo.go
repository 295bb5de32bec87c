package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"easel"
	"easel/internal/client"
)

type repoCommands struct {
	Ls repoLs `cmd:"" help:"List repositories, or the tags of one."`
	Rm repoRm `cmd:"" help:"Delete a repository, or tags of it."`

	Immutable repoImmutable `cmd:"" help:"Show or set patterns of tags that nobody moves or deletes."`
}

// repo is a repository as SWR sends it (swr.md 6.2).
type repo struct {
	Org         string `json:"namespace"`
	Name        string `json:"name"`
	Size        int64  `json:"size"`
	Tags        int    `json:"num_images"`
	Public      bool   `json:"is_public"`
	Description string `json:"description"`
	Updated     string `json:"updated_at"`
}

// tag is a tag as SWR sends it (swr.md 8.1).
type tag struct {
	Name    string `json:"Tag"`
	Digest  string `json:"digest"`
	Size    int64  `json:"size"`
	Updated string `json:"updated"`
}

type repoLs struct {
	viewer `embed:""`
	Repo   string `arg:"" optional:"" placeholder:"ORG/NAME" help:"List the tags of this repository."`
	Org    string `env:"-" placeholder:"NAME" help:"Only repositories of this organisation."`
}

// Help is the text below the flags.
func (repoLs) Help() string {
	return `Examples:

  easel repo ls --org vision-team
  easel repo ls vision-team/torch`
}

// Run lists repositories or tags.
func (c *repoLs) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if c.Repo != "" {
		return c.tags(ctx, ses)
	}
	query := url.Values{}
	set(query, "namespace", c.Org)
	repos, err := pages[repo](ctx, ses, "/v2/manage/repos", query)
	if err != nil {
		return err
	}
	return ses.print(repos, func(w io.Writer) {
		row(w, "REPOSITORY", "TAGS", "SIZE", "VISIBILITY", "UPDATED")
		for _, r := range repos {
			row(w, r.Org+"/"+r.Name, r.Tags, size(r.Size), visibility(r.Public), clip(r.Updated))
		}
	})
}

func (c *repoLs) tags(ctx context.Context, ses *session) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	tags, err := pages[tag](ctx, ses, repoPath(repo)+"/tags", url.Values{})
	if err != nil {
		return err
	}
	return ses.print(tags, func(w io.Writer) {
		row(w, "TAG", "SIZE", "DIGEST", "UPDATED")
		for _, t := range tags {
			row(w, t.Name, size(t.Size), t.Digest, clip(t.Updated))
		}
	})
}

// pages reads a list that comes as bare arrays (swr.md 2.8).
func pages[T any](ctx context.Context, s *session, path string, query url.Values) ([]T, error) {
	all := []T{}
	for {
		query.Set("limit", strconv.Itoa(pageSize))
		query.Set("offset", strconv.Itoa(len(all)))
		var page []T
		if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: path, Query: query, Out: &page}); err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < pageSize {
			return all, nil
		}
	}
}

// repoPath is the management path of a repository; slashes of its name are
// written as "$" (swr.md 2.6).
func repoPath(r easel.Repo) string {
	return orgsPath + "/" + string(r.Org()) + "/repos/" + strings.ReplaceAll(r.Name(), "/", "$")
}

// clip shortens an RFC 3339 time to minutes.
func clip(t string) string {
	if len(t) < 16 {
		return dash(t)
	}
	return strings.Replace(t[:16], "T", " ", 1)
}

type repoRm struct {
	viewer `embed:""`
	Names  []string `arg:"" name:"repo" placeholder:"ORG/NAME[:TAG]" help:"Repository, or a tag of it; several."`
	DryRun bool     `env:"-" short:"n" help:"Only tell what would happen."`
	Now    bool     `env:"-" help:"Gone now, whatever the organisation's undo window."`
	Yes    bool     `env:"-" short:"y" help:"Do not ask."`
}

// Help is the text below the flags.
func (repoRm) Help() string {
	return `Images that name a deleted tag stay in the catalogue with status ERROR; easel image rm --force deletes both at once.

Examples:

  easel repo rm vision-team/scratch --dry-run
  easel repo rm vision-team/torch:2.2 vision-team/torch:2.1 --yes
  easel repo rm vision-team/scratch --yes`
}

// Run deletes repositories and tags.
func (c *repoRm) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	ses.deleteNow(c.Now)
	if c.DryRun {
		return ses.showContentPlans(ctx, c.Names)
	}
	if !c.Yes {
		return fmt.Errorf("add --yes to delete %s with all content that nothing else needs", strings.Join(c.Names, ", "))
	}
	paths := make([]string, len(c.Names))
	for i, name := range c.Names {
		if paths[i], err = contentPath(name); err != nil {
			return err
		}
	}
	var freed, shared, pinned, trash int64
	undo := []string{}
	done := []string{}
	var errs []error
	for i, name := range c.Names {
		header, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: paths[i]})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		done = append(done, name)
		freed += count(header, "Freed") + count(header, "Pending")
		shared += count(header, "Shared")
		pinned += count(header, "Pinned")
		trash += count(header, "Trash")
		if header.Get("X-Easel-Restore-Until") != "" {
			undo = append(undo, header.Get("X-Easel-Receipt"))
		}
	}
	result := map[string]any{"deleted": done, "bytes_freed": freed, "bytes_shared": shared, "bytes_pinned": pinned, "bytes_trash": trash, "undo": undo}
	err = ses.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "Deleted %d of %d. Freed %s", len(done), len(c.Names), size(freed))
		if shared > 0 {
			fmt.Fprintf(w, "; %s stay because other content needs them", size(shared))
		}
		if pinned > 0 {
			fmt.Fprintf(w, "; %s stay until a push is over", size(pinned))
		}
		if trash > 0 {
			fmt.Fprintf(w, "; %s are in trash", size(trash))
		}
		fmt.Fprintln(w, ".")
		for _, id := range undo {
			fmt.Fprintf(w, "To undo it: easel trash restore %s\n", id)
		}
	})
	return errors.Join(append(errs, err)...)
}

// showContentPlans prints what the deletion of repositories and tags would do.
func (s *session) showContentPlans(ctx context.Context, names []string) error {
	plans := []easel.Plan{}
	for _, name := range names {
		what := "repository"
		if strings.Contains(name, ":") {
			what = "tag"
		}
		plan, err := s.plan(ctx, map[string]any{what: name})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		plans = append(plans, plan)
	}
	return s.print(plans, func(w io.Writer) {
		for _, p := range plans {
			fmt.Fprintln(w, p.Resource)
			writePlan(w, p, true)
		}
	})
}

// count reads one of the byte counts of a deletion; a server that does not
// send them counts as 0.
func count(header http.Header, name string) int64 {
	n, _ := strconv.ParseInt(header.Get("X-Easel-Bytes-"+name), 10, 64)
	return n
}

// contentPath returns the management path of "org/name" or "org/name:tag".
func contentPath(name string) (string, error) {
	repoName, tagName, tagged := strings.Cut(name, ":")
	repo, err := easel.ParseRepo(repoName)
	if err != nil || !tagged {
		return repoPath(repo), err
	}
	tag, err := easel.ParseTag(tagName)
	return repoPath(repo) + "/tags/" + string(tag), err
}
