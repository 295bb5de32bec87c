package catalog

import "strings"

// Sight bounds a list to what the asking user may see. Shown and Hidden are
// patterns of names, in which "*" stands for any text.
type Sight struct {
	Granted bool     // only what the user was granted something on, and what is Shown
	Shown   []string // beside that
	Hidden  []string // whatever was granted
}

// where returns the condition, with " AND " in front of each part. granted is
// the condition for a grant, column has the name.
func (s Sight) where(a *args, granted, column string) string {
	where := ""
	if s.Granted {
		where += ` AND (` + granted
		for _, pattern := range s.Shown {
			where += ` OR ` + named(a, column, pattern)
		}
		where += `)`
	}
	for _, pattern := range s.Hidden {
		where += ` AND NOT (` + named(a, column, pattern) + `)`
	}
	return where
}

var likePattern = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`)

// named is true of names that a pattern describes. Names are in lower case,
// and so a pattern that is not describes none: LIKE of SQLite does not see the
// difference.
func named(a *args, column, pattern string) string {
	if pattern != strings.ToLower(pattern) || !storable(pattern) {
		return `1 = 0`
	}
	return column + ` LIKE ` + a.add(likePattern.Replace(pattern)) + ` ESCAPE '\'`
}
