package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/client"
)

// imageUse is how an image was used; the times are for people.
type imageUse struct {
	HumanPulls    int64  `json:"human_pulls"`
	LastHuman     string `json:"last_human_pull"`
	MachinePulls  int64  `json:"machine_pulls"`
	LastMachine   string `json:"last_machine_pull"`
	NotebookStart int64  `json:"notebook_starts"`
	LastStart     string `json:"last_notebook_start"`
}

// use asks how an image was used; nil when its tag is gone, or the caller may
// not pull it.
func (s *session) use(ctx context.Context, path string) (*imageUse, error) {
	p, err := easel.ParseImagePath(path)
	if err != nil {
		return nil, err
	}
	p.Registry = ""
	var u catalog.Use
	_, err = s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/use", Query: url.Values{"image": {p.String()}}, Out: &u})
	if client.IsStatus(err, http.StatusNotFound) || client.IsStatus(err, http.StatusForbidden) {
		return nil, nil
	}
	return &imageUse{u.HumanPulls, stamp(u.LastHuman), u.MachinePull, stamp(u.LastMachine), u.Starts, stamp(u.LastStart)}, err
}

// stamp writes milliseconds since 1970 as RFC 3339; 0 as "never".
func stamp(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// into adds the use to the JSON of an image, an object that is not empty.
func (u *imageUse) into(image json.RawMessage) json.RawMessage {
	object, ok := bytes.CutSuffix(bytes.TrimSpace(image), []byte("}"))
	text, err := json.Marshal(u)
	if u == nil || !ok || err != nil {
		return image
	}
	return fmt.Appendf(nil, `%s,"easel_use":%s}`, object, text)
}
