package easel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The templates of a retention rule (swr.md 10).
const (
	DateRule = "date_rule" // tags whose last push is older than Number days go
	TagRule  = "tag_rule"  // all but the Number tags that were pushed last go
)

// The kinds of a tag selector.
const (
	SelectLabel  = "label"  // the tag of exactly this name
	SelectRegexp = "regexp" // tags in which the expression (RE2, not anchored) is found
)

// Bounds of a rule. Those of selectors are Easel's own: every tag is matched
// against all of them at each run.
const (
	maxRetentionDays = 365
	maxRetentionTags = 1000
	maxSelectors     = 100
	maxPattern       = 1000 // bytes
)

// TagSelector exempts tags from a retention rule.
type TagSelector struct {
	Kind    string `json:"kind"`
	Pattern string `json:"pattern"`
}

// RetentionRule says which tags of a repository go by themselves. A tag that a
// selector matches never goes, and is not counted either. The zero value is
// not valid: rules come from ParseRetention or from JSON.
type RetentionRule struct {
	Template  string
	Number    int // days, or tags
	Selectors []TagSelector

	labels      map[Tag]bool
	expressions []*regexp.Regexp
}

// ParseRetention returns a rule, or Invalid "retention".
func ParseRetention(template string, number int, selectors []TagSelector) (RetentionRule, error) {
	r := RetentionRule{Template: template, Number: number, Selectors: append([]TagSelector{}, selectors...), labels: map[Tag]bool{}}
	limit := maxRetentionDays
	switch template {
	case DateRule:
	case TagRule:
		limit = maxRetentionTags
	default:
		return RetentionRule{}, E(Invalid, "retention", "the template must be date_rule or tag_rule, not %.40q", template)
	}
	if number < 1 || number > limit {
		return RetentionRule{}, E(Invalid, "retention", "the %s of a %s must be 1 to %d, not %d", r.unit(), template, limit, number)
	}
	if len(selectors) > maxSelectors {
		return RetentionRule{}, E(Invalid, "retention", "a rule has at most %d tag selectors, not %d", maxSelectors, len(selectors))
	}
	for _, s := range selectors {
		if err := r.exempt(s); err != nil {
			return RetentionRule{}, err
		}
	}
	return r, nil
}

// exempt compiles a selector.
func (r *RetentionRule) exempt(s TagSelector) error {
	switch s.Kind {
	case SelectLabel:
		tag, err := ParseTag(s.Pattern)
		if err != nil {
			return E(Invalid, "retention", "the label %.40q of a tag selector is no tag", s.Pattern)
		}
		r.labels[tag] = true
	case SelectRegexp:
		if s.Pattern == "" || len(s.Pattern) > maxPattern || strings.ContainsRune(s.Pattern, 0) {
			return E(Invalid, "retention", "the expression of a tag selector must have 1 to %d characters, and none of them NUL", maxPattern)
		}
		x, err := regexp.Compile(s.Pattern)
		if err != nil {
			return E(Invalid, "retention", "the expression %.80q of a tag selector does not compile: %v", s.Pattern, err)
		}
		r.expressions = append(r.expressions, x)
	default:
		return E(Invalid, "retention", "the kind of a tag selector must be label or regexp, not %.40q", s.Kind)
	}
	return nil
}

// String writes the rule for people.
func (r RetentionRule) String() string {
	thing, format := "tag", "keep the last %d %s"
	if r.Template == DateRule {
		thing, format = "day", "delete tags older than %d %s"
	}
	if r.Number != 1 {
		thing += "s"
	}
	text := fmt.Sprintf(format, r.Number, thing)
	for i, s := range r.Selectors {
		if i == 0 {
			text += ", never"
		}
		if s.Kind == SelectRegexp {
			text += " /" + s.Pattern + "/"
		} else {
			text += " " + s.Pattern
		}
	}
	return text
}

// unit is the key of the rule's number in JSON.
func (r RetentionRule) unit() string {
	if r.Template == DateRule {
		return "days"
	}
	return "num"
}

// Exempt reports whether a selector matches the tag.
func (r RetentionRule) Exempt(tag Tag) bool {
	return r.labels[tag] || slices.ContainsFunc(r.expressions, func(x *regexp.Regexp) bool { return x.MatchString(string(tag)) })
}

// TagPush is a tag with its last push.
type TagPush struct {
	Tag    Tag
	Digest Digest
	At     time.Time
}

// Compare orders pushes by time, those of one moment by tag.
func (p TagPush) Compare(q TagPush) int {
	return cmp.Or(p.At.Compare(q.At), cmp.Compare(p.Tag, q.Tag))
}

// Expired returns which of a repository's tags the rule lets go at now, the
// oldest first. Of tags pushed at the same moment the last by name is kept first.
func (r RetentionRule) Expired(tags []TagPush, now time.Time) []TagPush {
	counted := slices.DeleteFunc(slices.Clone(tags), func(p TagPush) bool { return r.Exempt(p.Tag) })
	slices.SortFunc(counted, TagPush.Compare)
	if r.Template == TagRule {
		return counted[:max(0, len(counted)-r.Number)]
	}
	oldest := now.AddDate(0, 0, -r.Number)
	n, _ := slices.BinarySearchFunc(counted, oldest, func(p TagPush, at time.Time) int { return p.At.Compare(at) })
	return counted[:n]
}

// ruleJSON is the documented form. Numbers are strings; integers are read as well.
type ruleJSON struct {
	Template  string                     `json:"template"`
	Params    map[string]json.RawMessage `json:"params"`
	Selectors []TagSelector              `json:"tag_selectors"`
}

// MarshalJSON implements json.Marshaler.
func (r RetentionRule) MarshalJSON() ([]byte, error) {
	number := json.RawMessage(strconv.Quote(strconv.Itoa(r.Number)))
	return json.Marshal(ruleJSON{r.Template, map[string]json.RawMessage{r.unit(): number}, append([]TagSelector{}, r.Selectors...)})
}

// UnmarshalJSON implements json.Unmarshaler. Errors: Invalid "retention".
func (r *RetentionRule) UnmarshalJSON(text []byte) error {
	var in ruleJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return E(Invalid, "retention", "a rule is {template, params, tag_selectors}").Because(err)
	}
	number := string(in.Params[RetentionRule{Template: in.Template}.unit()])
	n, err := strconv.Atoi(strings.Trim(number, `"`))
	if err != nil { // ParseRetention has the words for it
		n = 0
	}
	*r, err = ParseRetention(in.Template, n, in.Selectors)
	return err
}
