package load

import (
	"runtime"
	"time"
)

// Target is the registry that is measured.
type Target struct {
	Label          string // what tables call it
	URL            string // http://HOST:PORT
	User, Password string // "": anonymous
	Prefix         string // organisation that repositories are pushed to
	WatchDir       string // directory of the store's blobs; "": not looked at
	PID            int    // of the server, for CPU and memory; 0: not looked at
	// Collect, if set, is run again and again during the deletion under
	// push, for registries that only free space with a collector.
	Collect []string
}

// Figure is one thing that was measured.
type Figure struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	// Less says that less is better.
	Less bool `json:"less,omitempty"`
}

// Result is a result file: what one run measured.
type Result struct {
	Format   int       `json:"format"` // 1
	Label    string    `json:"label"`
	Date     time.Time `json:"date"`
	Machine  string    `json:"machine"`
	Load     string    `json:"load"` // average load when the run began
	Scale    float64   `json:"scale"`
	Profiles []string  `json:"profiles"`
	Figures  []Figure  `json:"figures"`
}

// NewResult returns the head of a result file.
func NewResult(label string, scale float64, profiles []string) Result {
	return Result{Format: 1, Label: label, Date: time.Now().UTC().Truncate(time.Second), Machine: machine(), Load: loadAverage(),
		Scale: scale, Profiles: profiles, Figures: []Figure{}}
}

func machine() string {
	return runtime.GOOS + "/" + runtime.GOARCH + ", " + cpuModel() + ", " + runtime.Version()
}
