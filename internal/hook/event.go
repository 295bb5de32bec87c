package hook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
)

// typePrefix precedes the types of events: "org.easel.push".
const typePrefix = "org.easel."

// event is a CloudEvent 1.0 in the structured mode, with the extension
// attribute sequence.
type event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Sequence        string    `json:"sequence"`
	Data            data      `json:"data"`
}

// data tells a change. To the hook of an organisation it names only what is
// in that organisation; the byte counts are of the whole change.
type data struct {
	Action     string              `json:"action"` // of the audit trail
	Actor      string              `json:"actor"`
	ActorID    string              `json:"actor_id"`
	ProjectID  string              `json:"project_id"`
	RequestID  string              `json:"request_id"`
	Repository easel.Repo          `json:"repository,omitempty"`
	Digest     easel.Digest        `json:"digest,omitempty"`
	ImageID    string              `json:"image_id,omitempty"`
	Tags       []string            `json:"tags"`
	Manifests  []string            `json:"manifests"`
	Images     []easel.ReceiptItem `json:"images"`
	ReceiptID  string              `json:"receipt_id,omitempty"`
	Bytes      amounts             `json:"bytes"`
}

// amounts are bytes of content, and of what became of it.
type amounts struct {
	Pushed int64 `json:"pushed"`
	Freed  int64 `json:"freed"`
	Shared int64 `json:"shared"` // kept, because other content needs them
	Pinned int64 `json:"pinned"` // kept, until a push is over
}

// body makes the event of a delivery. It is the same at each try.
func body(d catalog.DueDelivery) ([]byte, error) {
	r := d.Record
	e := event{
		SpecVersion: "1.0", ID: r.ID, Source: "/easel/v1/domains/" + r.Domain, Type: typePrefix + d.Type, Subject: r.Resource,
		Time: r.At, DataContentType: "application/json", Sequence: fmt.Sprintf("%020d", r.Seq),
		Data: data{Action: r.Action, Actor: r.ActorName, ActorID: r.Actor, ProjectID: r.Project, RequestID: r.RequestID,
			Tags: []string{}, Manifests: []string{}, Images: []easel.ReceiptItem{}},
	}
	if a := r.About; a != nil {
		e.Data.Repository, e.Data.Digest = a.Repo, a.Digest
		for _, tag := range a.Tags {
			e.Data.Tags = append(e.Data.Tags, string(a.Repo)+":"+string(tag))
		}
	}
	switch d.Type {
	case "push":
		e.Data.Bytes.Pushed = r.Bytes
	case "register":
		e.Data.ImageID = r.Resource
	}
	if r.Receipt != nil {
		e.Data.tell(*r.Receipt, d.Hook.Org)
	}
	return json.Marshal(e)
}

// tell adds what a receipt says about org, or everything when org is "".
func (e *data) tell(r easel.Receipt, org easel.Org) {
	outside := func(name string) bool { return org != "" && !strings.HasPrefix(name, string(org)+"/") }
	e.ReceiptID = r.ID
	e.Tags = append(e.Tags, slices.DeleteFunc(slices.Clone(r.Tags), outside)...)
	e.Manifests = append(e.Manifests, slices.DeleteFunc(slices.Clone(r.Manifests), outside)...)
	for _, i := range r.Images {
		path, err := easel.ParseImagePath(i.Path)
		if org == "" || err == nil && path.Repo.Org() == org {
			e.Images = append(e.Images, i)
		}
	}
	e.Bytes.Freed, e.Bytes.Shared, e.Bytes.Pinned = r.Freed, r.Shared, r.Pinned
}
