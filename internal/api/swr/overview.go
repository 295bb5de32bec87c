package swr

import (
	"math"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// overview is what an account has (swr.md 13). The first name is misspelt
// on purpose; sizes are in MiB.
type overview struct {
	Domain     string  `json:"domain_id"`
	DomainName string  `json:"domain_name"`
	Orgs       int64   `json:"namspace_num"`
	Repos      int64   `json:"repo_num"`
	Tags       int64   `json:"image_num"`
	Store      float64 `json:"store_space"`
	Downflow   float64 `json:"downflow_size"`
}

// mebibytes returns n bytes in MiB, to two decimals.
func mebibytes(n int64) float64 { return math.Round(float64(n)/(1<<20)*100) / 100 }

func (s *server) showOverview(w http.ResponseWriter, r *http.Request) error {
	o, err := s.registry.Overview(r.Context())
	if err != nil {
		return err
	}
	who := easel.PrincipalFrom(r.Context())
	return api.WriteJSON(w, http.StatusOK, overview{who.DomainID, who.DomainName, o.Orgs, o.Repos, o.Tags, mebibytes(o.Store), mebibytes(o.Downflow)})
}

// reports are the figures that there are of each day, by resource_type.
var reports = map[string]func(catalog.Day) int64{
	"downflow": func(d catalog.Day) int64 { return d.Downflow },
	"store":    func(d catalog.Day) int64 { return d.Store },
}

// report is the figure of a day, in MiB.
type report struct {
	Date  string  `json:"date"`
	Value float64 `json:"value"`
}

func (s *server) showReports(w http.ResponseWriter, r *http.Request) error {
	figure, ok := reports[r.PathValue("resource_type")]
	if !ok {
		return easel.E(easel.Invalid, "parameter", "the resource type must be downflow or store, not %.40q", r.PathValue("resource_type"))
	}
	if f := r.PathValue("frequency"); f != "daily" {
		return easel.E(easel.Invalid, "parameter", "the frequency must be daily, not %.40q", f)
	}
	days, err := s.registry.Days(r.Context())
	if err != nil {
		return err
	}
	list := make([]report, len(days))
	for i, d := range days {
		list[i] = report{d.Date.Format("2006-01-02"), mebibytes(figure(d))}
	}
	return api.WriteJSON(w, http.StatusOK, list)
}
