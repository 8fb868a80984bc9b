package update

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// BaselineStep keeps what the old version is like, as long as it has all the
// requests to itself. A watch compares the new one with that.
type BaselineStep struct {
	Services    []string `json:"services,omitempty"`    // whose requests pass the edge
	Generations []string `json:"generations,omitempty"` // of the old version, there
	Containers  []string `json:"containers,omitempty"`  // of the old version
	Shared      []string `json:"shared,omitempty"`      // containers that both versions need
	// Former are containers of the old version that stay warm, with how one sees
	// that they answer.
	Former []GateSpec `json:"former,omitempty"`
}

// baselineNote is the name under which the journal keeps it.
const baselineNote = "baseline"

// baseline is what was seen before the shift.
type baseline struct {
	At       time.Time          `json:"at"`
	Traffic  reading            `json:"traffic,omitempty"`
	Restarts map[string]float64 `json:"restarts,omitempty"` // an hour, by service
	Well     []string           `json:"well,omitempty"`     // other containers that served
}

// Do reads and notes. A figure that cannot be read is no reason not to update: the
// watch says then what it could not judge.
func (s *BaselineStep) Do(ctx context.Context, env *Env) error {
	seen := baseline{At: env.Clock.Now(), Restarts: map[string]float64{}}
	if env.Figures != nil && len(s.Services) > 0 {
		traffic, err := env.Figures.Traffic(ctx)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, t := range traffic {
			if slices.Contains(s.Services, t.Service) {
				seen.Traffic = append(seen.Traffic, t)
			}
		}
		seen.Traffic = seen.Traffic.without(s.Generations)
	}
	for _, name := range s.Containers {
		c, err := env.Containers.Inspect(ctx, name)
		if up := env.Clock.Now().Sub(c.Created); err == nil && c.RestartCount > 0 && up > time.Minute {
			seen.Restarts[c.Service] += float64(c.RestartCount) / up.Hours()
		}
	}
	for _, name := range s.Shared {
		if c, err := env.Containers.Inspect(ctx, name); err == nil && c.serves() {
			seen.Well = append(seen.Well, name)
		}
	}
	for _, gate := range s.Former {
		if env.Gate.Gate(ctx, gate, func(Probe) {}) == nil {
			seen.Well = append(seen.Well, gate.Container)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := json.Marshal(seen)
	if err != nil {
		return fmt.Errorf("keep the baseline: %w", err)
	}
	return env.note(baselineNote, []string{string(text)})
}

// serves tells whether a container does what it is there for, as far as the engine
// knows.
func (c Container) serves() bool { return c.Running && !c.Restarting && !c.Unhealthy }

// Undo has nothing to do.
func (s *BaselineStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *BaselineStep) Line() Line {
	return Line{Verb: "baseline", Object: strings.Join(s.Containers, ", "), Detail: "to compare the new version with"}
}

// readBaseline is what was noted, by whatever process; nil if nothing was.
func readBaseline(env *Env) *baseline {
	values, found := env.noted(baselineNote)
	if !found || len(values) != 1 {
		return nil
	}
	var seen baseline
	if json.Unmarshal([]byte(values[0]), &seen) != nil {
		return nil
	}
	return &seen
}
