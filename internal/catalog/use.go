package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"easel"
)

// Pull is what was pulled, by which sort of client.
type Pull struct {
	Repo    easel.Repo
	Digest  easel.Digest
	Machine bool // a scanner or a mirror: no sign that anybody needs it
}

// Pulls are how often that happened, and when last.
type Pulls struct {
	Count int64
	Last  time.Time
}

// AddPulls adds to the uses of manifests and to the downloads of their
// repositories. What is gone is passed over.
func (db *DB) AddPulls(ctx context.Context, pulls map[Pull]Pulls) error {
	downloads := map[easel.Repo]int64{}
	for p, n := range pulls {
		downloads[p.Repo] += n.Count
	}
	order := slices.SortedFunc(maps.Keys(pulls), func(a, b Pull) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Digest, b.Digest), cmp.Compare(flag(a.Machine), flag(b.Machine)))
	})
	var in []easel.Image
	for repo := range downloads {
		in = append(in, easel.Image{Repo: repo})
	}
	return db.update(ctx, func(t *tx) error {
		if t.engine == postgres { // in the order of deletions
			if _, err := t.lockReposOf(in); err != nil {
				return err
			}
		}
		for _, repo := range slices.Sorted(maps.Keys(downloads)) {
			if _, err := t.exec(`UPDATE repo SET downloads = downloads + $1 WHERE name = $2`, downloads[repo], string(repo)); err != nil {
				return err
			}
		}
		for _, p := range order {
			if err := t.addPulls(p, pulls[p]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) addPulls(p Pull, n Pulls) error {
	human, machine := n, Pulls{Last: time.UnixMicro(0)}
	if p.Machine {
		human, machine = machine, n
	}
	_, err := t.exec(`
		INSERT INTO manifest_use (manifest, human, last_human, machine, last_machine, starts, last_start)
		SELECT m.id, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), 0, 0
		FROM repo r JOIN manifest m ON m.repo = r.id WHERE r.name = $5 AND m.digest = $6
		ON CONFLICT (manifest) DO UPDATE SET human = manifest_use.human + excluded.human, machine = manifest_use.machine + excluded.machine,
			last_human = CASE WHEN excluded.last_human > manifest_use.last_human THEN excluded.last_human ELSE manifest_use.last_human END,
			last_machine = CASE WHEN excluded.last_machine > manifest_use.last_machine THEN excluded.last_machine ELSE manifest_use.last_machine END`,
		human.Count, micros(human.Last), machine.Count, micros(machine.Last), string(p.Repo), string(p.Digest))
	return err
}

// Use is how an image was used since its content was pushed. Times are
// milliseconds since 1970, 0 for never.
type Use struct {
	Digest      easel.Digest `json:"digest"`
	Pushed      int64        `json:"pushed"`
	HumanPulls  int64        `json:"human_pulls"`
	LastHuman   int64        `json:"last_human_pull"`
	MachinePull int64        `json:"machine_pulls"`
	LastMachine int64        `json:"last_machine_pull"`
	Starts      int64        `json:"notebook_starts"`
	LastStart   int64        `json:"last_notebook_start"`
	LastUsed    int64        `json:"last_used"` // by people: a pull or a start
}

// Use returns how the manifest that ref names was used. Errors: NotFound
// "repository" or "manifest".
func (db *DB) Use(ctx context.Context, repo easel.Repo, ref easel.Ref) (u Use, err error) {
	err = db.view(ctx, func(t *tx) error {
		m, _, id, err := t.manifest(repo, ref)
		if err != nil {
			return err
		}
		u.Digest = m.Digest
		_, err = t.get([]any{&u.Pushed, &u.HumanPulls, &u.LastHuman, &u.MachinePull, &u.LastMachine, &u.Starts, &u.LastStart}, `
			SELECT m.created, coalesce(u.human, 0), coalesce(u.last_human, 0), coalesce(u.machine, 0), coalesce(u.last_machine, 0),
				coalesce(u.starts, 0), coalesce(u.last_start, 0)
			FROM manifest m LEFT JOIN manifest_use u ON u.manifest = m.id WHERE m.id = $1`, id)
		for _, at := range []*int64{&u.Pushed, &u.LastHuman, &u.LastMachine, &u.LastStart} {
			*at /= 1000
		}
		u.LastUsed = max(u.LastHuman, u.LastStart)
		return err
	})
	return u, err
}
