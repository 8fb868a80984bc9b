package ui

import (
	"encoding/json"
	"io"
	"time"
)

// The values of TopVersion.Version.
const (
	VersionOld  = "old"
	VersionNew  = "new"
	VersionNone = "none"
)

// StateRunning is the state of a container that works.
const StateRunning = "running"

// TopSample is an application at one moment, as top shows it.
type TopSample struct {
	Project string    `json:"project"`
	Time    time.Time `json:"time"`
	Release int       `json:"release"` // 0: none yet
	// Working tells of the update that is under way, or of who holds the lock.
	Working string `json:"working,omitempty"`
	Edge    string `json:"edge"`
	// WindowSeconds is the time that rates and latencies are of; 0: not measured yet.
	WindowSeconds float64 `json:"window_seconds"`
	// Traffic is all of it, each request once; nil: not measured.
	Traffic  *TopTraffic  `json:"traffic"`
	Services []TopService `json:"services"`
}

// TopService is one service with its old and its new version.
type TopService struct {
	Service  string       `json:"service"`
	Role     string       `json:"role"`
	Versions []TopVersion `json:"versions"`
}

// TopVersion is the containers of a service that are alike.
type TopVersion struct {
	// Version is old or new where both are there, and none for requests that got
	// no container.
	Version     string         `json:"version,omitempty"`
	Generation  string         `json:"generation,omitempty"` // the release, where the edge or the update knows it
	Containers  []TopContainer `json:"containers"`
	Traffic     *TopTraffic    `json:"traffic"`      // nil: not measured
	MemoryBytes *int64         `json:"memory_bytes"` // of all its containers; nil: not measured
}

// TopContainer is one container.
type TopContainer struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Weight      *int   `json:"weight,omitempty"` // of the requests; nil: it is behind no route
	MemoryBytes *int64 `json:"memory_bytes"`     // nil: not measured
}

// TopTraffic is what the edge counted in the window, and since it began.
type TopTraffic struct {
	PerSecond    float64  `json:"requests_per_second"`
	ServerErrors int64    `json:"server_errors"` // answers of 500 or more
	Failed       int64    `json:"failed"`        // no honest answer
	HeldNow      int64    `json:"held_now"`
	InFlight     int64    `json:"in_flight"`
	P50Millis    *float64 `json:"p50_ms"` // nil: nothing was measured
	P95Millis    *float64 `json:"p95_ms"`
	P99Millis    *float64 `json:"p99_ms"`

	RequestsTotal     int64 `json:"requests_total"`
	ServerErrorsTotal int64 `json:"server_errors_total"`
	FailedTotal       int64 `json:"failed_total"`
	HeldTotal         int64 `json:"held_total"`
}

// PrintTop writes one sample as text, wide enough for all of it.
func PrintTop(out io.Writer, sample TopSample) error {
	var text string
	for _, line := range topLines(sample, unlimited, unlimited) {
		text += line.text + "\n"
	}
	_, err := io.WriteString(out, text)
	return err
}

// PrintTopJSON writes one sample as a line of JSON.
func PrintTopJSON(out io.Writer, sample TopSample) error {
	content, err := json.Marshal(sample)
	if err != nil {
		return err
	}
	_, err = out.Write(append(cleanJSON(content), '\n'))
	return err
}
