package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"easel"
	"easel/internal/catalog"
	"easel/internal/client"
)

type whyCommand struct {
	viewer `embed:""`
	What   string `arg:"" name:"digest-or-image" help:"Digest of a blob, or id or path of an image."`
}

// Help is the text below the flags.
func (whyCommand) Help() string {
	return `Of an image it tells, blob by blob, what else needs it. Of a blob it shows every path of references that keeps it.

Examples:

  easel why vision-team/torch:2.3
  easel why sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
}

// Run shows what keeps a blob, or the blobs of an image.
func (c *whyCommand) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if digest, err := easel.ParseDigest(c.What); err == nil {
		found, err := ses.why(ctx, digest)
		if err != nil {
			return err
		}
		return ses.print(found, func(w io.Writer) { writeWhy(w, found) })
	}
	path, blobs, err := ses.blobsOf(ctx, c.What)
	if err != nil {
		return err
	}
	found := make([]catalog.Why, len(blobs))
	for i, b := range blobs {
		if found[i], err = ses.why(ctx, b.Digest); err != nil {
			return err
		}
	}
	return ses.print(found, func(w io.Writer) { writeHolders(w, path, found) })
}

func (s *session) why(ctx context.Context, digest easel.Digest) (found catalog.Why, err error) {
	_, err = s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/blobs/" + string(digest) + "/why", Out: &found})
	return found, err
}

// blobsOf returns the path of an image, without registry, and its blobs.
func (s *session) blobsOf(ctx context.Context, name string) (string, []easel.ReceiptBlob, error) {
	if easel.IsUUID(name) {
		found, err := s.find(ctx, []string{name})
		if err != nil {
			return "", nil, err
		}
		name = found[0].Path
	}
	path, err := easel.ParseImagePath(name)
	if err != nil {
		return "", nil, errors.New("neither the digest of a blob nor an image: want sha256:…, an image id or ORG/NAME:TAG")
	}
	path.Registry = ""
	var out struct {
		Blobs []easel.ReceiptBlob `json:"blobs"`
	}
	_, err = s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/blobs", Query: url.Values{"image": {path.String()}}, Out: &out})
	return path.String(), out.Blobs, err
}

// writeHolders writes a line for each blob of the image path: what has to go
// beside the image for it to go.
func writeHolders(w io.Writer, path string, blobs []catalog.Why) {
	row(w, "BLOB", "SIZE", "NEEDED BY")
	for _, b := range blobs {
		others := slices.DeleteFunc(slices.Clone(b.MustGo), func(name string) bool { return name == path })
		needed := "this image only"
		if more := len(others) - maxNamed; more > 0 {
			others = append(others[:maxNamed], fmt.Sprintf("%d more", more))
		}
		if b.Elsewhere > 0 {
			others = append(others, plural(int(b.Elsewhere), "reference")+" elsewhere")
		}
		if len(b.Trash) > 0 {
			others = append(others, "trash of "+plural(len(b.Trash), "deletion"))
		}
		if len(b.Pins) > 0 {
			others = append(others, plural(len(b.Pins), "pin"))
		}
		if len(others) > 0 {
			needed = strings.Join(others, ", ")
		}
		row(w, b.Digest, size(b.Bytes), needed)
	}
}

// maxNamed is how many names are put into one cell of a table.
const maxNamed = 3

// writeWhy writes everything about one blob.
func writeWhy(w io.Writer, b catalog.Why) {
	fmt.Fprintf(w, "%s, %s\n", b.Digest, size(b.Bytes))
	for _, p := range b.Paths {
		writePath(w, p)
	}
	if b.Cut {
		fmt.Fprintln(w, "There is more than is shown.")
	}
	for _, p := range b.Pins {
		what := "it"
		if p.Manifest != "" {
			what = "the manifest " + string(p.Manifest)
		}
		fmt.Fprintf(w, "A push of %s to %s holds %s until %s.\n", p.User, p.Repo, what, p.Until.UTC().Format("15:04:05 MST"))
	}
	for _, x := range b.Trash {
		fmt.Fprintf(w, "Trash of a deletion in %s holds it until %s: easel trash rm %s\n", x.Repo, x.Until.UTC().Format("2006-01-02 15:04 MST"), x.ID)
	}
	if b.Elsewhere > 0 {
		fmt.Fprintf(w, "Elsewhere, where you may not look: %s.\n", plural(int(b.Elsewhere), "reference"))
	}
	switch {
	case len(b.MustGo) > 0:
		fmt.Fprintf(w, "It goes when these have gone: %s.\n", strings.Join(b.MustGo, ", "))
	case b.Elsewhere == 0 && len(b.Paths) == 0 && len(b.Trash) == 0:
		fmt.Fprintln(w, "No manifest names it: it goes by itself.")
	}
}

// writePath writes a path as a ladder: what holds, and below it what is held.
func writePath(w io.Writer, p catalog.WhyPath) {
	head := string(p.Repo)
	if p.Tag != "" {
		head += ":" + string(p.Tag)
	}
	for _, i := range p.Images {
		head += "  image " + i.ID
	}
	if p.OtherImages > 0 {
		head += "  and " + plural(p.OtherImages, "other record")
	}
	fmt.Fprintln(w, "  "+head)
	for n, m := range p.Manifests {
		fmt.Fprintf(w, "  %s%s  %s\n", strings.Repeat("  ", n+1), m.Digest, m.As)
	}
}
