package iam

import (
	"net/http"

	"easel/internal/api"
)

// service is an entry of the service catalogue (iam.md 5.5).
type service struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	Endpoints []endpoint `json:"endpoints"`
}

type endpoint struct {
	ID        string `json:"id"`
	Interface string `json:"interface"`
	Region    string `json:"region"`
	RegionID  string `json:"region_id"`
	URL       string `json:"url"`
}

// catalogue lists where the services are. Identity has an endpoint for every
// region and one for the real one, because some clients compare the region
// literally; "smn" is where one client looks for the registry's API.
func (s *server) catalogue(r *http.Request) []service {
	base := s.o.PublicURL(r)
	entry := func(id, name, typ, url string, regions ...string) service {
		e := service{ID: id, Name: name, Type: typ}
		for _, region := range regions {
			e.Endpoints = append(e.Endpoints, endpoint{ID: id + "-" + region, Interface: "public", Region: region, RegionID: region, URL: url})
		}
		return e
	}
	return []service{
		entry("identity", "iam", "identity", base+"/v3", "*", s.o.Region),
		entry("smn", "smn", "smn", base+"/v2/", s.o.Region),
		entry("swr", "swr", "swr", base+"/v2", s.o.Region),
		entry("modelarts", "modelarts", "modelarts", base+"/v1", s.o.Region),
	}
}

func (s *server) showCatalog(w http.ResponseWriter, r *http.Request) error {
	return api.WriteJSON(w, http.StatusOK, struct {
		Catalog []service `json:"catalog"`
		Links   selfLink  `json:"links"`
	}{s.catalogue(r), selfLink{s.linksOf(r).Self}})
}

// version describes the one version of the API that there is (iam.md 5.4).
type version struct {
	ID         string        `json:"id"`
	Status     string        `json:"status"`
	Updated    string        `json:"updated"`
	Links      []versionLink `json:"links"`
	MediaTypes []mediaType   `json:"media-types"`
}

type versionLink struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

type mediaType struct {
	Base string `json:"base"`
	Type string `json:"type"`
}

func versionAt(base string) version {
	return version{
		ID: "v3.6", Status: "stable", Updated: "2016-04-04T00:00:00Z",
		Links:      []versionLink{{"self", base + "/v3/"}},
		MediaTypes: []mediaType{{"application/json", "application/vnd.openstack.identity-v3+json"}},
	}
}

func (s *server) version(w http.ResponseWriter, r *http.Request) error {
	return api.WriteJSON(w, http.StatusOK, struct {
		Version version `json:"version"`
	}{versionAt(s.o.PublicURL(r))})
}

// VersionsHandler serves the list of versions with status 300, for "GET /"
// on the listener that all families share.
func VersionsHandler(publicURL func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setTrace(w, r)
		var body struct {
			Versions struct {
				Values []version `json:"values"`
			} `json:"versions"`
		}
		body.Versions.Values = []version{versionAt(publicURL(r))}
		// The status is out: an error here can only be a client that hung up.
		_ = api.WriteJSON(w, http.StatusMultipleChoices, body)
	})
}
