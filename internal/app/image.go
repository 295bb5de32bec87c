package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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
}

// Help is the text below the flags.
func (imageLs) Help() string {
	return `Examples:

  easel image ls
  easel image ls torch --org vision-team
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

// find returns the images that names mean, ids or paths, in order and each
// once. A path may leave out the registry host.
func (s *session) find(ctx context.Context, names []string) ([]image, error) {
	var all []image
	var found []image
	taken := map[string]bool{}
	for _, name := range names {
		var match []image
		if easel.IsUUID(name) {
			var i image
			if err := s.modelarts(ctx, http.MethodGet, "/images/"+name, nil, nil, &i); err != nil {
				return nil, err
			}
			match = []image{i}
		} else {
			if all == nil {
				var err error
				if all, err = s.images(ctx, url.Values{}); err != nil {
					return nil, err
				}
			}
			match = matching(all, name)
		}
		if len(match) != 1 {
			return nil, ambiguous(name, match)
		}
		if !taken[match[0].ID] {
			taken[match[0].ID] = true
			found = append(found, match[0])
		}
	}
	return found, nil
}

// matching returns the images whose path, with or without registry host, is name.
func matching(all []image, name string) []image {
	var match []image
	for _, i := range all {
		if i.Path == name || withoutHost(i.Path) == withoutHost(name) {
			match = append(match, i)
		}
	}
	return match
}

func withoutHost(path string) string {
	if p, err := easel.ParseImagePath(path); err == nil {
		p.Registry = ""
		return p.String()
	}
	return path
}

func ambiguous(name string, match []image) error {
	if len(match) == 0 {
		return fmt.Errorf("there is no image %s; easel image ls -a shows what there is", name)
	}
	ids := make([]string, len(match))
	for i := range match {
		ids[i] = match[i].ID
	}
	return fmt.Errorf("%s means %d images; name one by its id: %s", name, len(match), strings.Join(ids, ", "))
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
}

// Help is the text below the flags.
func (imageRegister) Help() string {
	return `Examples:

  docker push 127.0.0.1:8580/vision-team/torch:2.3
  easel image register vision-team/torch:2.3 -d "torch for the lab"`
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
