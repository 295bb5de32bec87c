package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

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
