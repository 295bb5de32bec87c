package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"easel/internal/client"
)

type imageProtect struct {
	viewer `embed:""`
	Images []string `arg:"" name:"image" help:"Ids or paths."`
}

// Help is the text below the flags.
func (imageProtect) Help() string {
	return `Until it is lifted, nobody deletes the image, its tag or its content on any route, nor pushes the tag again with
other content. It takes the rights of rm --force.

Examples:

  easel image protect vision-team/torch:2.3
  easel image unprotect vision-team/torch:2.3`
}

// Run protects images.
func (c *imageProtect) Run(ctx context.Context, s *streams) error {
	return c.protection(ctx, s, http.MethodPost, c.Images)
}

type imageUnprotect struct {
	viewer `embed:""`
	Images []string `arg:"" name:"image" help:"Ids or paths."`
}

// Run lifts protections.
func (c *imageUnprotect) Run(ctx context.Context, s *streams) error {
	return c.protection(ctx, s, http.MethodDelete, c.Images)
}

// protection is what keeps an image from being deleted.
type protection struct {
	Image     string     `json:"image_id"`
	Path      string     `json:"swr_path"`
	Protected bool       `json:"protected"`
	By        string     `json:"protected_by,omitempty"`
	ByID      string     `json:"protected_by_id,omitempty"`
	At        *time.Time `json:"protected_at,omitempty"`
}

// protection sets or lifts the protection of images, one after the other.
func (v *viewer) protection(ctx context.Context, s *streams, method string, names []string) error {
	ses, err := v.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	images, err := ses.find(ctx, names)
	if err != nil {
		return err
	}
	changed := make([]protection, len(images))
	for n, i := range images {
		_, err := ses.Do(ctx, client.Call{Method: method, Path: "/easel/v1/images/" + i.ID + "/protection", Out: &changed[n]})
		if err != nil {
			return fmt.Errorf("%s: %w", i.Path, err)
		}
	}
	return ses.print(changed, func(w io.Writer) {
		for _, p := range changed {
			if !p.Protected {
				fmt.Fprintf(w, "%s can be deleted.\n", p.Path)
				continue
			}
			fmt.Fprintf(w, "%s is protected, by %s since %s.\n", p.Path, p.By, when(p.At.UnixMilli()))
		}
	})
}
