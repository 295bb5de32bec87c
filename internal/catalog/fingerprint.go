package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"easel"
)

// The parts of a plan's id, in the words of an error. Each is a hash of a
// set, so that an id that does not fit tells which of them changed.
var planParts = [...]string{"what was asked for", "the image records", "the tags", "the manifests", "the bytes"}

// planPart is the length of a part in hex digits.
const planPart = 10

// fingerprint names what a deletion does, for its plan and for itself: equal
// ids mean equal sets of records, tags, manifests and blobs and equal bytes.
func fingerprint(r *easel.Receipt) string {
	var images []string
	for _, i := range r.Images {
		images = append(images, i.ID)
	}
	var blobs []string
	for _, b := range r.Blobs {
		blobs = append(blobs, fmt.Sprint(b.Digest, " ", b.Size))
	}
	sets := [len(planParts)][][]string{
		{{r.DomainID, r.Action, r.Resource}},
		{images, r.Broken, {r.Kept, fmt.Sprint(r.KeptFor)}},
		{r.Tags},
		{r.Manifests, r.Condemned},
		{blobs, {fmt.Sprint(r.Freed, " ", r.Shared, " ", r.Pinned, " ", r.Trash, " ", r.RestoreUntil != nil)}},
	}
	parts := make([]string, len(sets))
	for i, lists := range sets {
		h := sha256.New()
		for _, list := range lists {
			sorted := slices.Sorted(slices.Values(list))
			fmt.Fprintf(h, "%d %q\n", len(sorted), sorted)
		}
		parts[i] = hex.EncodeToString(h.Sum(nil))[:planPart]
	}
	return strings.Join(parts, "-")
}

// insisted compares what a deletion does with the plan that the caller
// insists on, before anything is committed. Error: Changed "plan".
func (t *tx) insisted(r *easel.Receipt) error {
	plans := easel.InsistedFrom(t.ctx)
	if t.planning || len(plans) == 0 || slices.Contains(plans, r.Plan) {
		return nil
	}
	was, is := strings.Split(plans[0], "-"), strings.Split(r.Plan, "-")
	switch {
	case len(was) != len(is):
		return easel.E(easel.Changed, "plan", "%.80q is not the id of a plan", plans[0])
	case was[0] != is[0]:
		return easel.E(easel.Changed, "plan", "the plan is one of another deletion: ask for a plan of this one")
	}
	var differ []string
	for i := range is {
		if was[i] != is[i] {
			differ = append(differ, planParts[i])
		}
	}
	return easel.E(easel.Changed, "plan", "nothing was deleted, because %s changed since the plan: look at a new one (it would free %d bytes now)", strings.Join(differ, ", "), r.Freed)
}
