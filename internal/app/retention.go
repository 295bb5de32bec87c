package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"easel"
	"easel/internal/client"
)

const retentionPath = "/easel/v1/retention"

type retentionCommands struct {
	Ls      retentionLs      `cmd:"" help:"List retention policies."`
	Show    retentionShow    `cmd:"" help:"Show the policy of a repository and what it deleted."`
	Set     retentionSet     `cmd:"" help:"Let old tags of a repository go by themselves."`
	Rm      retentionRm      `cmd:"" help:"End a policy; nothing more goes by itself."`
	Preview retentionPreview `cmd:"" help:"Show what a policy would delete now, before there is one or after."`
	Run     retentionRun     `cmd:"" help:"Run a policy now."`
}

// retentionPolicy is a policy as the server lists it.
type retentionPolicy struct {
	ID      int64               `json:"id"`
	Repo    easel.Repo          `json:"repository"`
	Rule    easel.RetentionRule `json:"rule"`
	Creator string              `json:"created_by"`
	Due     string              `json:"due_at"`
}

// ruleFlags make a rule.
type ruleFlags struct {
	Keep      int      `env:"-" placeholder:"N" xor:"rule" help:"Keep the N tags that were pushed last (1 to 1000)."`
	OlderThan int      `env:"-" placeholder:"DAYS" xor:"rule" help:"Delete tags that were last pushed more than DAYS ago (1 to 365)."`
	Never     []string `env:"-" sep:"none" placeholder:"REGEXP" help:"Never delete, and do not count, tags in which this is found; repeatable."`
	NeverTag  []string `env:"-" placeholder:"TAG" help:"The same for one tag; repeatable."`
}

// rule returns nil when no flag says anything.
func (f ruleFlags) rule() (*easel.RetentionRule, error) {
	var selectors []easel.TagSelector
	for _, x := range f.Never {
		selectors = append(selectors, easel.TagSelector{Kind: easel.SelectRegexp, Pattern: x})
	}
	for _, x := range f.NeverTag {
		selectors = append(selectors, easel.TagSelector{Kind: easel.SelectLabel, Pattern: x})
	}
	template, number := easel.TagRule, f.Keep
	switch {
	case f.OlderThan != 0:
		template, number = easel.DateRule, f.OlderThan
	case f.Keep == 0 && len(selectors) > 0:
		return nil, errors.New("--never and --never-tag need --keep or --older-than")
	case f.Keep == 0:
		return nil, nil
	}
	rule, err := easel.ParseRetention(template, number, selectors)
	return &rule, err
}

// retentions returns the policies that the caller can see; with repo only its.
func (s *session) retentions(ctx context.Context, repo easel.Repo) ([]retentionPolicy, error) {
	var found struct {
		Policies []retentionPolicy `json:"policies"`
	}
	if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: retentionPath, Out: &found}); err != nil {
		return nil, err
	}
	policies := []retentionPolicy{}
	for _, p := range found.Policies {
		if repo == "" || p.Repo == repo {
			policies = append(policies, p)
		}
	}
	return policies, nil
}

// retentionOf returns the policy of a repository.
func (s *session) retentionOf(ctx context.Context, repo easel.Repo) (retentionPolicy, error) {
	found, err := s.retentions(ctx, repo)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no retention policy; make one: easel retention set %s --keep 10", repo, repo)
	}
	if err != nil {
		return retentionPolicy{}, err
	}
	return found[0], nil
}

type retentionLs struct {
	viewer `embed:""`
}

// Run lists the policies.
func (c *retentionLs) Run(ctx context.Context, s *streams) error {
	load := func(s *session, ctx context.Context) ([]retentionPolicy, error) { return s.retentions(ctx, "") }
	return show(ctx, s, &c.viewer, load, func(w io.Writer, found []retentionPolicy) {
		row(w, "REPOSITORY", "RULE", "NEXT RUN", "CREATED BY")
		for _, p := range found {
			row(w, p.Repo, p.Rule, clip(p.Due), p.Creator)
		}
	})
}

// retentionRecord is a tag that went, as SWR sends it (swr.md 10).
type retentionRecord struct {
	Tag  string `json:"tag"`
	Rule string `json:"rule_type"`
	At   string `json:"created_at"`
}

type retentionShow struct {
	viewer `embed:""`
	Repo   string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
}

// Run shows the policy and the last tags that went.
func (c *retentionShow) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := ses.retentions(ctx, repo)
	if err != nil {
		return err
	}
	var log struct {
		Records []retentionRecord `json:"retention_log"`
		Total   int64             `json:"total"`
	}
	call := client.Call{Method: http.MethodGet, Path: repoPath(repo) + "/retentions/histories", Query: url.Values{"limit": {"20"}, "offset": {"0"}}, Out: &log}
	if _, err := ses.Do(ctx, call); err != nil {
		return err
	}
	result := map[string]any{"policies": found, "history": log.Records, "total": log.Total}
	return ses.print(result, func(w io.Writer) {
		if len(found) == 0 {
			fmt.Fprintf(w, "%s has no retention policy.\n", repo)
		}
		for _, p := range found {
			fmt.Fprintf(w, "%s: %s. Next run %s.\n", repo, p.Rule, clip(p.Due))
		}
		if len(log.Records) > 0 {
			fmt.Fprintf(w, "Deleted so far: %s; the last:\n", plural(int(log.Total), "tag"))
		}
		for _, r := range log.Records {
			row(w, "  "+r.Tag, clip(r.At))
		}
	})
}

type retentionSet struct {
	viewer    `embed:""`
	ruleFlags `embed:""`
	Repo      string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
}

// Help is the text below the flags.
func (retentionSet) Help() string {
	return `The policy runs at once, then every hour and soon after pushes. easel retention preview shows beforehand what would go.

Examples:

  easel retention set vision-team/nightly --keep 10 --never '^release-'
  easel retention set vision-team/scratch --older-than 30 --never-tag latest`
}

// Run makes or changes the policy. Its template cannot change, so another
// template means another policy.
func (c *retentionSet) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	rule, err := c.rule()
	if err != nil {
		return err
	}
	if rule == nil {
		return errors.New("say what goes: --keep N or --older-than DAYS")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if err := ses.setRetention(ctx, repo, *rule); err != nil {
		return err
	}
	return ses.print(retentionPolicy{Repo: repo, Rule: *rule}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s. easel retention show %s tells what went.\n", repo, rule, repo)
	})
}

func (s *session) setRetention(ctx context.Context, repo easel.Repo, rule easel.RetentionRule) error {
	found, err := s.retentions(ctx, repo)
	if err != nil {
		return err
	}
	path, body := repoPath(repo)+"/retentions", map[string]any{"algorithm": "or", "rules": []easel.RetentionRule{rule}}
	if len(found) > 0 && found[0].Rule.Template == rule.Template {
		_, err := s.Do(ctx, client.Call{Method: http.MethodPatch, Path: path + "/" + strconv.FormatInt(found[0].ID, 10), In: body})
		return err
	}
	if len(found) > 0 {
		if err := s.endRetention(ctx, found[0]); err != nil {
			return err
		}
	}
	_, err = s.Do(ctx, client.Call{Method: http.MethodPost, Path: path, In: body})
	return err
}

func (s *session) endRetention(ctx context.Context, p retentionPolicy) error {
	_, err := s.Do(ctx, client.Call{Method: http.MethodDelete, Path: repoPath(p.Repo) + "/retentions/" + strconv.FormatInt(p.ID, 10)})
	return err
}

type retentionRm struct {
	account `embed:""`
	Repo    string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
}

// Run ends the policy.
func (c *retentionRm) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	p, err := ses.retentionOf(ctx, repo)
	if err != nil {
		return err
	}
	if err := ses.endRetention(ctx, p); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s keeps all its tags from now on.\n", repo)
	return nil
}

// retained is what a run did or would do, as the server sends it.
type retained struct {
	Repo     easel.Repo          `json:"repository"`
	Rule     easel.RetentionRule `json:"rule"`
	Tags     []retainedTag       `json:"tags"`
	Kept     []retainedTag       `json:"kept"`
	Receipts []string            `json:"receipts"`
	Freed    int64               `json:"bytes_freed"`
	Pending  int64               `json:"bytes_pending"`
	Pinned   int64               `json:"bytes_pinned"`
	Trash    int64               `json:"bytes_trash"`
	More     bool                `json:"more"`
}

type retainedTag struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	Pushed string `json:"pushed_at"`
	Reason string `json:"reason,omitempty"`
}

// write tells people what went, or would go.
func (r retained) write(w io.Writer, planned bool) {
	fmt.Fprintf(w, "%s: %s.\n", r.Repo, r.Rule)
	for _, t := range r.Tags {
		row(w, "  "+t.Tag, clip(t.Pushed), t.Digest)
	}
	for _, t := range r.Kept {
		row(w, "  "+t.Tag, clip(t.Pushed), "kept: "+t.Reason)
	}
	verb, freed := "Deleted", "Freed"
	if planned {
		verb, freed = "Would delete", "Would free"
	}
	fmt.Fprintf(w, "%s %s. %s %s.", verb, plural(len(r.Tags), "tag"), freed, size(r.Freed+r.Pending))
	if r.Pinned > 0 {
		fmt.Fprintf(w, " %s stay until a push is over.", size(r.Pinned))
	}
	if r.Trash > 0 {
		fmt.Fprintf(w, " In trash: %s.", size(r.Trash))
	}
	if r.More {
		fmt.Fprint(w, " There are more: the next run takes them.")
	}
	fmt.Fprintln(w)
	if planned && len(r.Tags) > 0 {
		fmt.Fprintln(w, "Nothing was deleted.")
	}
}

type retentionPreview struct {
	viewer    `embed:""`
	ruleFlags `embed:""`
	Repo      string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
}

// Help is the text below the flags.
func (retentionPreview) Help() string {
	return `Without --keep and --older-than the repository's own policy is previewed. Nothing is deleted.

Examples:

  easel retention preview vision-team/nightly
  easel retention preview vision-team/nightly --keep 3`
}

// Run asks the server for a run that is rolled back.
func (c *retentionPreview) Run(ctx context.Context, s *streams) error {
	rule, err := c.rule()
	if err != nil {
		return err
	}
	return retain(ctx, s, c.viewer, c.Repo, "/preview", rule)
}

type retentionRun struct {
	viewer `embed:""`
	Repo   string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
}

// Run runs the policy.
func (c *retentionRun) Run(ctx context.Context, s *streams) error {
	return retain(ctx, s, c.viewer, c.Repo, "/run", nil)
}

func retain(ctx context.Context, s *streams, v viewer, name, verb string, rule *easel.RetentionRule) error {
	repo, err := easel.ParseRepo(name)
	if err != nil {
		return err
	}
	ses, err := v.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"repository": repo}
	if rule != nil {
		in["rule"] = rule
	}
	var out retained
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: retentionPath + verb, In: in, Out: &out}); err != nil {
		return err
	}
	return ses.print(out, func(w io.Writer) { out.write(w, verb == "/preview") })
}
