package easel

import (
	"strings"
	"time"
)

// ImageStatus is the state of an image record (images.md section 4).
type ImageStatus string

// The states. DELETED is only ever seen in the answer of a deletion.
const (
	ImageInit         ImageStatus = "INIT"
	ImageCreating     ImageStatus = "CREATING"
	ImageActive       ImageStatus = "ACTIVE"
	ImageCreateFailed ImageStatus = "CREATE_FAILED"
	ImageError        ImageStatus = "ERROR"
	ImageDeleted      ImageStatus = "DELETED"
)

// The values of enumerated image fields (images.md 2.3).
const (
	BuildIn   = "BUILD_IN"
	Dedicated = "DEDICATED"

	Private = "PRIVATE"
	Public  = "PUBLIC"

	OriginCustomize = "CUSTOMIZE"
	OriginImageSave = "IMAGE_SAVE"

	DefaultWorkspace = "0"
)

// Image is a catalogue record: metadata and the path of one tag
// (images.md 2.1). Times are UTC with millisecond precision.
type Image struct {
	ID, Project, Workspace string
	Type                   string // BuildIn or Dedicated
	Path                   string // swr_path as it was sent, with a registry host
	Repo                   Repo
	Name                   string // a built-in's display-like name; else Repo.Name()
	Tag                    Tag
	Arch                   string // "x86_64" or "aarch64"
	Description            string
	Services               []string
	Origin                 string
	ResourceCategories     []string
	ServiceType            string
	Size                   int64 // bytes; 0: not known
	Status                 ImageStatus
	StatusMessage          string
	Visibility             string
	FlavorType             string
	SWRInstance            string
	ShowName, ShowTag      string // built-ins only
	Tags                   []ResourceTag
	Created, Updated       time.Time
	Protected              *Protection // nil: it can be deleted
}

// Protection says who keeps something from being deleted, and since when.
type Protection struct {
	UserID, UserName string
	At               time.Time
}

// ResourceTag is a key with a value on an image group.
type ResourceTag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// ImageGroup is the set of live images of a project that share workspace,
// organisation and name (images.md 2.2).
type ImageGroup struct {
	ID, Project, Workspace string
	Org                    Org
	Name                   string
	ReadMe                 string
	HasReadMe              bool
	Tags                   []ResourceTag
	Created, Updated       time.Time
	Versions               int
}

// ImagePath is a parsed swr_path: [registry/]organisation/name:tag
// (images.md 2.4).
type ImagePath struct {
	Registry string // host with optional port; "" when none was given
	Repo     Repo
	Tag      Tag
}

// ParseImagePath parses s. The first segment is a registry iff it contains
// "." or ":" or equals "localhost". A missing tag is Invalid.
func ParseImagePath(s string) (ImagePath, error) {
	if len(s) > 2048 {
		return ImagePath{}, E(Invalid, "image path", "the image path has %d characters; at most 2048 are taken", len(s))
	}
	var p ImagePath
	rest := s
	if first, after, ok := strings.Cut(s, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		p.Registry, rest = first, after
	}
	i := strings.LastIndexByte(rest, ':')
	if i < 0 {
		return ImagePath{}, E(Invalid, "image path", "%.200q has no tag: want [registry/]organisation/name:tag", s)
	}
	var err error
	if p.Repo, err = ParseRepo(rest[:i]); err != nil {
		return ImagePath{}, err
	}
	p.Tag, err = ParseTag(rest[i+1:])
	return p, err
}

// String returns the path.
func (p ImagePath) String() string {
	s := string(p.Repo) + ":" + string(p.Tag)
	if p.Registry != "" {
		s = p.Registry + "/" + s
	}
	return s
}
