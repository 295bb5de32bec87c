package catalog

import (
	"errors"
	"fmt"
	"testing"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query string
		want  topicSet
	}{
		{`SELECT 1 FROM account`, 0},
		{`SAVEPOINT m`, 0},
		{`INSERT INTO pin (repo, blob) VALUES ($1, $2)`, 0},
		{"\n\t\tINSERT INTO manifest (repo) VALUES ($1) RETURNING id", 1 << content},
		{`INSERT INTO tag(repo) VALUES ($1)`, 1 << content},
		{`UPDATE repo SET updated = $1 WHERE id = $2`, 0},
		{`UPDATE repo SET is_public = $1 WHERE id = $2`, 1 << rights},
		{`DELETE FROM repo WHERE id = $1`, 1 << rights},
		{`INSERT INTO repo(org) VALUES ($1)`, 1 << rights},
		{`UPDATE access_key SET used = $1 WHERE access = $2`, 1 << rights},
		{`INSERT INTO token (hash) VALUES ($1)`, 0},
		{`DELETE FROM token WHERE hash = $1`, 1 << rights},
		{`UPDATE access_key SET active = $1 WHERE access = $2`, 1 << rights},
		{`DELETE FROM org_grant WHERE org = $1`, 1 << rights},
		{`UPDATE image SET status = $1`, 1 << images},
		{`DELETE FROM image_group WHERE id = $1`, 1 << images},
		{`INSERT INTO image_count (project) VALUES ($1)`, 1 << images},
		{`WITH gone AS (DELETE FROM org RETURNING id) SELECT 1`, everything},
		{`UPDATE something_new SET x = 1`, everything},
		{`REPLACE INTO account VALUES (1)`, everything},
		{``, everything},
	} {
		if got := changes(tt.query); got != tt.want {
			t.Errorf("changes(%q) = %b, want %b", tt.query, got, tt.want)
		}
	}
}

func TestMemo(t *testing.T) {
	t.Parallel()
	m, asked := &memo{}, 0
	ask := func(during func()) int {
		t.Helper()
		v, err := remember(m, rights, "question", func() (int, error) { asked++; during(); return asked, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	nothing := func() {}
	if a, b := ask(nothing), ask(nothing); a != 1 || b != 1 {
		t.Errorf("asked twice: %d, then %d", a, b)
	}
	m.change(1 << images)()
	if v := ask(nothing); v != 1 {
		t.Errorf("another topic's change made it %d", v)
	}
	m.change(1 << rights)()
	// A commit between question and answer: nobody may be told that answer later.
	if v := ask(func() { m.change(1 << rights)() }); v != 2 {
		t.Errorf("after a change it is %d", v)
	}
	if v := ask(nothing); v != 3 {
		t.Errorf("the answer from before a commit was kept: %d", v)
	}
	// While a commit is under way the database decides, and its answers are not
	// kept: nobody can tell on which side of the commit they are.
	end := m.change(1 << rights)
	if a, b := ask(nothing), ask(nothing); a != 4 || b != 5 {
		t.Errorf("during a commit: %d, then %d from memory", a, b)
	}
	end()
	if a, b := ask(nothing), ask(nothing); a != 6 || b != 6 {
		t.Errorf("after the commit: %d, then %d", a, b)
	}
	failed := errors.New("failed")
	if _, err := remember(m, rights, "another", func() (int, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("err = %v", err)
	}
	if v, err := remember(m, rights, "another", func() (int, error) { return 7, nil }); err != nil || v != 7 {
		t.Errorf("after an error = %d, %v", v, err)
	}
	for i := range 5 * maxMemo[content] {
		m.put(content, fmt.Sprint(i), answer{})
	}
	if k := m.topics[content]; len(k.now)+len(k.past) > 2*maxMemo[content] {
		t.Errorf("%d answers are kept", len(k.now)+len(k.past))
	}
}
