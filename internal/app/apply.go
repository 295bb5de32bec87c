package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"easel/internal/client"
	"easel/internal/setup"
)

// exitChanges is the exit code of easel apply --dry-run when there is
// something to change.
const exitChanges = 3

type applyCommand struct {
	viewer `embed:""`
	File   []string `short:"f" env:"-" required:"" sep:"none" placeholder:"FILE" help:"A YAML file, a directory of them, or - for standard input; repeatable."`
	Prune  bool     `env:"-" help:"Also take away what the organisations and groups in the file have and the file does not say: levels, bounds, retention, patterns, undo, shares, members, roles. Never content."`
	DryRun bool     `env:"-" short:"n" help:"Only tell what would change: exit code 0 for nothing, 3 for something."`
	Yes    bool     `env:"-" short:"y" help:"Do not ask."`
}

// Help is the text below the flags.
func (applyCommand) Help() string {
	return `The file says how it should be. What it does not mention stays as it is. Everything is checked before anything
is changed; applied twice, the second time changes nothing. Begin with what there is: easel export > team.yaml

  organisations:
    vision-team:
      users: {eva: manage, sam: edit, ci: read}
      quota: {repositories: 40, space: 500GiB}    # or none
      undo: {window: 7d, budget: 100GiB}
      immutable_tags: ['release-*']
      repositories:
        nightly:
          visibility: private                     # or public
          retention: {keep: 10, never: ['^release-']}   # or older_than: DAYS; never_tag: [latest]
          users: {kim: read}
          shared_with: {partner: 2027-01-31}      # or forever
  users: [eva, sam, kim, ci]                      # made without a password where missing
  groups:
    vision:
      users: [eva, sam]
      roles: [vision-push, {role: SWR ReadOnlyAccess, project: eu-de}]   # project: '*' is every project
  policies:
    vision-push: {Version: '1.1', Statement: [{Effect: Allow, Action: ['swr:repo:upload']}]}
  projects:
    eu-de: {images: 200}

Examples:

  easel apply -f team.yaml --dry-run
  easel apply -f teams/ --prune --yes`
}

// Run compares, shows, asks and changes.
func (c *applyCommand) Run(ctx context.Context, s *streams) error {
	source, err := c.read(s)
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	a := &application{session: ses, source: source, prune: c.Prune}
	changes, err := a.plan(ctx)
	if err != nil {
		return err
	}
	if c.DryRun || len(changes) == 0 {
		if err := a.print(changes, 0); err != nil || len(changes) == 0 {
			return err
		}
		return exit(exitChanges)
	}
	if ses.forPeople() {
		writeChanges(s.out, changes)
	}
	if !c.Yes {
		if slices.Contains(c.File, "-") {
			return errors.New("standard input was the file, nobody can be asked: add --yes")
		}
		if err := s.sure(false, "Make these changes?"); err != nil {
			return err
		}
		if err := a.still(ctx, changes); err != nil {
			return err
		}
	}
	done, err := a.run(ctx, changes)
	if err != nil {
		writeHalfDone(s.err, changes, done)
	}
	if !ses.forPeople() {
		return errors.Join(err, a.print(changes, done))
	}
	if err == nil {
		fmt.Fprintln(s.out, "Done.")
	}
	return err
}

// read returns what all files say.
func (c *applyCommand) read(s *streams) (*setup.Source, error) {
	source := setup.NewSource()
	var errs []error
	for _, name := range c.File {
		if name == "-" {
			text, err := io.ReadAll(io.LimitReader(s.in, setup.MaxFile+1))
			errs = append(errs, err, source.Add("standard input", text))
			continue
		}
		files, err := filesOf(name)
		errs = append(errs, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil {
				err = source.Add(file, text)
			}
			errs = append(errs, err)
		}
	}
	return source, errors.Join(errs...)
}

// filesOf returns the YAML files of a directory by name, or the file itself.
func filesOf(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(name, e.Name()))
		}
	}
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there is no .yaml file in %s", name)
	}
	return files, err
}

// application brings an account to what a file says.
type application struct {
	*session
	source *setup.Source
	prune  bool
	runner *setupRunner
}

// plan compares the file with the server and refuses what cannot be done.
func (a *application) plan(ctx context.Context) ([]setup.Change, error) {
	have, directory, err := a.readSetup(ctx, a.source.State, a.prune)
	if err != nil {
		return nil, err
	}
	a.runner = &setupRunner{session: a.session, directory: directory, state: have}
	want := maps.Clone(a.source.State)
	check := &setupCheck{Source: a.source, directory: directory, want: want, have: have}
	check.names()
	check.ownLevels()
	changes := setup.Diff(have, want, a.prune)
	check.shares(changes, time.Now())
	if err := check.taken(ctx, a.session, changes); err != nil {
		return nil, err
	}
	return changes, setup.Join(check.errs)
}

// still refuses changes that are not what there is to do any more: somebody
// thought about them for a while. From here on others are not looked at: each
// change sets one thing to what the file says.
func (a *application) still(ctx context.Context, changes []setup.Change) error {
	again, err := a.plan(ctx)
	if err == nil && !slices.Equal(changes, again) {
		err = errors.New("somebody changed something meanwhile; nothing was done: run the command again to see what is to do now")
	}
	return err
}

// run makes the changes and returns how many were made.
func (a *application) run(ctx context.Context, changes []setup.Change) (done int, err error) {
	for i, c := range changes {
		if err := a.runner.run(ctx, c); err != nil {
			return i, fmt.Errorf("%s, %s: %w", c.Key.Subject(), c, err)
		}
		a.runner.state.Apply(changes[i : i+1])
	}
	return len(changes), nil
}

// shownChange is a change as -o json and -o yaml print it.
type shownChange struct {
	Op      setup.Op `json:"op"`
	Subject string   `json:"subject"`
	What    string   `json:"what"`
	Old     string   `json:"old"`
	New     string   `json:"new"`
	Done    bool     `json:"done"`
}

// print shows the changes, of which the first were done.
func (a *application) print(changes []setup.Change, done int) error {
	shown := make([]shownChange, len(changes))
	for i, c := range changes {
		shown[i] = shownChange{c.Op, c.Key.Subject(), c.Key.What(), c.Old, c.New, i < done}
	}
	return a.session.print(map[string]any{"changes": shown}, func(w io.Writer) { writeChanges(w, changes) })
}

// writeChanges prints changes and how many they are.
func writeChanges(w io.Writer, changes []setup.Change) {
	if len(changes) == 0 {
		fmt.Fprintln(w, "Nothing to change.")
		return
	}
	count := map[setup.Op]int{}
	for _, c := range changes {
		count[c.Op]++
	}
	listChanges(w, changes)
	fmt.Fprintf(w, "%d to add, %d to change, %d to remove.\n", count[setup.Add], count[setup.Set], count[setup.Remove])
}

// listChanges prints changes below their subjects.
func listChanges(w io.Writer, changes []setup.Change) {
	bySubject := map[string][]setup.Change{}
	var subjects []string
	for _, c := range changes {
		subject := c.Key.Subject()
		if bySubject[subject] == nil {
			subjects = append(subjects, subject)
		}
		bySubject[subject] = append(bySubject[subject], c)
	}
	for _, subject := range subjects {
		fmt.Fprintln(w, subject)
		for _, c := range bySubject[subject] {
			fmt.Fprintln(w, "  "+c.String())
		}
	}
}

// writeHalfDone says what was made of changes and what was not.
func writeHalfDone(w io.Writer, changes []setup.Change, done int) {
	fmt.Fprintf(w, "%d of %d changes were made:\n", done, len(changes))
	listChanges(w, changes[:done])
	fmt.Fprintln(w, "These were not; run the command again to make them:")
	listChanges(w, changes[done:])
}

// setupCheck refuses what the server would refuse in the middle.
type setupCheck struct {
	*setup.Source
	directory
	want, have setup.State
	errs       []error
}

func (c *setupCheck) fail(k setup.Key, format string, args ...any) {
	c.errs = append(c.errs, c.Error(k, format, args...))
}

// names refuses names of nobody.
func (c *setupCheck) names() {
	missing := func(k setup.Key, kind setup.Kind, known map[string]string, what, name string) {
		_, made := c.want[setup.Key{Kind: kind, Of: name}]
		if known[name] == "" && !made {
			c.fail(k, "there is no %s %s", what, name)
		}
	}
	for _, k := range c.want.Keys() {
		switch k.Kind {
		case setup.Member, setup.OrgUser, setup.RepoUser:
			missing(k, setup.User, c.directory.users, "user", k.Name)
		case setup.Images:
			missing(k, 0, c.directory.projects, "project", k.Of)
		case setup.Role:
			missing(k, setup.Policy, c.directory.roles, "role or policy", k.Name)
			if k.At != setup.InAccount && k.At != setup.InAllProjects {
				missing(k, 0, c.directory.projects, "project", k.At)
			}
		case setup.Policy:
			if _, own := c.have[k]; !own && c.directory.roles[k.Of] != "" {
				c.fail(k, "%q is a role that comes with Easel: choose another name", k.Of)
			}
		}
	}
}

// ownLevels takes the caller's own levels out of want, and refuses other ones:
// nobody changes them (swr.md 5).
func (c *setupCheck) ownLevels() {
	for _, k := range c.want.Keys() {
		if k.Kind != setup.OrgUser && k.Kind != setup.RepoUser || k.Name != c.directory.self {
			continue
		}
		mine, known := c.directory.level[k.Of]
		if !known {
			mine = "manage" // who makes it has that
		}
		if c.want[k] != mine {
			c.fail(k, "yours is %s here, and nobody changes the own level: somebody else must apply this", mine)
		}
		delete(c.want, k)
	}
}

// shares refuses deadlines that have passed, and shares of what is public.
func (c *setupCheck) shares(changes []setup.Change, now time.Time) {
	for _, change := range changes {
		k := change.Key
		if k.Kind != setup.Share || change.Op == setup.Remove {
			continue
		}
		if at, err := setup.ParseDeadline(change.New); err == nil && !at.IsZero() && !at.After(now) {
			c.fail(k, "%s has passed: take the line out", change.New)
		}
		visible, said := c.want[setup.Key{Kind: setup.Visibility, Of: k.Of}]
		if !said {
			visible = c.have[setup.Key{Kind: setup.Visibility, Of: k.Of}]
		}
		if visible == visibility(true) {
			c.fail(k, "the repository is public: everybody may pull from it")
		}
		for other := range c.have {
			if other.Kind == setup.Share && other.Of == k.Of && other.Name != k.Name && strings.EqualFold(other.Name, k.Name) {
				c.fail(k, "the domain is spelled %s", other.Name)
			}
		}
	}
}

// taken refuses names of organisations that another domain has.
func (c *setupCheck) taken(ctx context.Context, s *session, changes []setup.Change) error {
	for _, change := range changes {
		if change.Key.Kind != setup.Org {
			continue
		}
		_, err := get[org](ctx, s, orgsPath+"/"+change.Key.Of, nil)
		switch {
		case err == nil || client.IsStatus(err, http.StatusForbidden):
			c.fail(change.Key, "the organisation %s is there, and you may not manage it; names are unique in the installation", change.Key.Of)
		case !client.IsStatus(err, http.StatusNotFound):
			return err
		}
	}
	return nil
}
