package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"easel"
	"easel/internal/client"
)

type imageCommands struct {
	Ls        imageLs        `cmd:"" help:"List the project's images."`
	Show      imageShow      `cmd:"" help:"Show one image."`
	Register  imageRegister  `cmd:"" help:"Make a pushed tag an image of the project."`
	Rm        imageRm        `cmd:"" help:"Delete images, and with --force their content."`
	Plan      imagePlan      `cmd:"" help:"Tell what rm --force would free, and change nothing."`
	Protect   imageProtect   `cmd:"" help:"Keep images from being deleted and their tags from being moved."`
	Unprotect imageUnprotect `cmd:"" help:"Lift that."`
	Groups    imageGroups    `cmd:"" help:"List image groups: images of one name."`
	Sync      imageSync      `cmd:"" help:"Look at the registry again and correct the image's size and status."`
}

// image is the part of an image that commands need; the rest is passed on.
type image struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Tag        string `json:"tag"`
	Path       string `json:"swr_path"`
	Type       string `json:"type"`
	Status     string `json:"status"`
	Size       int64  `json:"size"`
	Visibility string `json:"visibility"`
	Created    int64  `json:"create_at"`

	raw json.RawMessage
}

// UnmarshalJSON keeps the whole object beside the fields.
func (i *image) UnmarshalJSON(text []byte) error {
	type fields image
	i.raw = append(json.RawMessage(nil), text...)
	return json.Unmarshal(text, (*fields)(i))
}

// MarshalJSON writes the object as the server sent it.
func (i image) MarshalJSON() ([]byte, error) { return i.raw, nil }

// pageSize is how many records are asked for at a time.
const pageSize = 200

// images lists all images that match query.
func (s *session) images(ctx context.Context, query url.Values) ([]image, error) {
	all := []image{}
	for {
		query.Set("limit", strconv.Itoa(pageSize))
		query.Set("offset", strconv.Itoa(len(all)))
		var page struct {
			Data  []image `json:"data"`
			Total int     `json:"total"`
		}
		if err := s.modelarts(ctx, http.MethodGet, "/images", query, nil, &page); err != nil {
			return nil, err
		}
		if all = append(all, page.Data...); len(all) >= page.Total || len(page.Data) == 0 {
			return all, nil
		}
	}
}

// modelarts asks the image API of the session's project.
func (s *session) modelarts(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if err := s.needProject(ctx); err != nil {
		return err
	}
	_, err := s.Do(ctx, client.Call{Method: method, Path: "/v1/" + s.ProjectID + path, Query: query, In: in, Out: out})
	return err
}

// needProject asks for the project when neither profile nor environment name it.
func (s *session) needProject(ctx context.Context) (err error) {
	if s.ProjectID == "" {
		s.ProjectID, s.ProjectName, err = findProject(ctx, s.Client, "")
	}
	return err
}

type imageLs struct {
	viewer `embed:""`
	Name   string `arg:"" optional:"" help:"Part of the image's name."`
	Org    string `env:"-" placeholder:"NAME" help:"Only images of this organisation."`
	All    bool   `env:"-" short:"a" help:"Built-in images too."`
	inside `embed:""`
}

// inside is a flag that names a workspace.
type inside struct {
	Workspace string `env:"-" short:"w" placeholder:"NAME" help:"Workspace, by name or id (the default one)."`
}

// in adds the workspace to a query, unless it is the default one.
func (c *inside) in(ctx context.Context, s *session, query url.Values) error {
	id, err := s.workspaceID(ctx, c.Workspace)
	if err == nil && id != easel.DefaultWorkspace {
		query.Set("workspace_id", id)
	}
	return err
}

// Help is the text below the flags.
func (imageLs) Help() string {
	return `Examples:

  easel image ls
  easel image ls torch --org vision-team
  easel image ls --workspace vision
  easel image ls -o json | jq -r '.[].swr_path'`
}

// Run lists images.
func (c *imageLs) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{}
	set(query, "name", c.Name)
	set(query, "namespace", c.Org)
	if !c.All {
		query.Set("type", easel.Dedicated)
	}
	if err := c.in(ctx, ses, query); err != nil {
		return err
	}
	found, err := ses.images(ctx, query)
	if err != nil {
		return err
	}
	return ses.print(found, func(w io.Writer) {
		row(w, "ID", "PATH", "STATUS", "SIZE", "VISIBILITY", "CREATED")
		for _, i := range found {
			row(w, i.ID, i.Path, i.Status, size(i.Size), dash(i.Visibility), when(i.Created))
		}
	})
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type imageShow struct {
	viewer `embed:""`
	Image  string `arg:"" help:"Id or path."`
}

// Run shows one image with all its fields.
func (c *imageShow) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := ses.find(ctx, []string{c.Image})
	if err != nil {
		return err
	}
	use, err := ses.use(ctx, found[0].Path)
	if err != nil {
		return err
	}
	return ses.showImage(image{raw: use.into(found[0].raw)})
}

// showImage prints every field of an image; YAML is what people read best.
func (s *session) showImage(i image) error {
	p := s.printer
	if p.forPeople() {
		p.format = "yaml"
	}
	return p.print(i, nil)
}

type imageRegister struct {
	viewer      `embed:""`
	Path        string   `arg:"" help:"[HOST/]ORG/NAME:TAG, as it was pushed."`
	Description string   `env:"-" short:"d" help:"Text to show with it."`
	Arch        string   `env:"-" enum:"x86_64,aarch64" default:"x86_64" help:"x86_64 or aarch64 (${default})."`
	Visibility  string   `env:"-" enum:"PRIVATE,PUBLIC" default:"PRIVATE" help:"PRIVATE or PUBLIC (${default})."`
	Category    []string `env:"-" placeholder:"CPU,GPU,…" help:"Hardware it is for: CPU, GPU, ASCEND."`
	Service     []string `env:"-" placeholder:"NOTEBOOK,SSH" help:"How a notebook on it is reached: NOTEBOOK, SSH."`
	inside      `embed:""`
}

// Help is the text below the flags.
func (imageRegister) Help() string {
	return `Examples:

  docker push 127.0.0.1:8580/vision-team/torch:2.3
  easel image register vision-team/torch:2.3 -d "torch for the lab"
  easel image register vision-team/torch:2.4 --workspace vision`
}

// Run registers the image and prints it.
func (c *imageRegister) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	body := map[string]any{"swr_path": c.Path, "description": c.Description, "arch": c.Arch, "visibility": c.Visibility}
	if len(c.Category) > 0 {
		body["resource_category"] = c.Category
	}
	if len(c.Service) > 0 {
		body["services"] = c.Service
	}
	if body["workspace_id"], err = ses.workspaceID(ctx, c.Workspace); err != nil {
		return err
	}
	var made image
	if err := ses.modelarts(ctx, http.MethodPost, "/images", nil, body, &made); err != nil {
		return err
	}
	if !ses.forPeople() {
		return ses.print(made, nil)
	}
	fmt.Fprintf(s.out, "%s  %s  %s, %s\n", made.ID, made.Path, made.Status, size(made.Size))
	return nil
}

type imageSync struct {
	viewer `embed:""`
	Image  string `arg:"" help:"Id or path."`
}

// Run corrects the record from the registry and prints it.
func (c *imageSync) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := ses.find(ctx, []string{c.Image})
	if err != nil {
		return err
	}
	var synced image
	if err := ses.modelarts(ctx, http.MethodPost, "/images/"+found[0].ID+"/sync", nil, nil, &synced); err != nil {
		return err
	}
	if !ses.forPeople() {
		return ses.print(synced, nil)
	}
	fmt.Fprintf(s.out, "%s  %s  %s, %s\n", synced.ID, synced.Path, synced.Status, size(synced.Size))
	return nil
}

type imageGroups struct {
	viewer `embed:""`
	Name   string `arg:"" optional:"" help:"Part of the name."`
	Org    string `env:"-" placeholder:"NAME" help:"Only groups of this organisation."`
	inside `embed:""`
}

// Run lists groups.
func (c *imageGroups) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{}
	set(query, "name", c.Name)
	set(query, "namespace", c.Org)
	if err := c.in(ctx, ses, query); err != nil {
		return err
	}
	var page struct {
		Data []struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			Org      string `json:"namespace"`
			Versions int    `json:"version_count"`
			Created  int64  `json:"create_at"`
			Updated  int64  `json:"update_at"`
		} `json:"data"`
	}
	if err := ses.modelarts(ctx, http.MethodGet, "/images/group", query, nil, &page); err != nil {
		return err
	}
	return ses.print(page.Data, func(w io.Writer) {
		row(w, "ID", "ORGANISATION", "NAME", "VERSIONS", "UPDATED")
		for _, g := range page.Data {
			row(w, g.ID, g.Org, g.Name, g.Versions, when(g.Updated))
		}
	})
}
