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
	// Shared are containers that both versions need, with their own check.
	Shared []GateSpec `json:"shared,omitempty"`
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
	Passed   []string           `json:"passed,omitempty"`   // of those, who passed their check
	Memory   map[string]int64   `json:"memory,omitempty"`   // bytes that a container uses, by service
}

// Do reads and notes. A figure that cannot be read is no reason not to update: the
// watch says then what it could not judge.
func (s *BaselineStep) Do(ctx context.Context, env *Env) error {
	seen := baseline{At: env.Clock.Now(), Restarts: map[string]float64{}, Memory: map[string]int64{}}
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
	var running []Container
	for _, name := range s.Containers {
		c, err := env.Containers.Inspect(ctx, name)
		if err == nil {
			running = append(running, c)
		}
		if up := env.Clock.Now().Sub(c.Created); err == nil && c.RestartCount > 0 && up > time.Minute {
			seen.Restarts[c.Service] += float64(c.RestartCount) / up.Hours()
		}
	}
	seen.measure(ctx, env, running)
	seen.ask(ctx, env, s.Shared, s.Former)
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := json.Marshal(seen)
	if err != nil {
		return fmt.Errorf("keep the baseline: %w", err)
	}
	return env.note(baselineNote, []string{string(text)})
}

// measure keeps what the largest container of each service uses.
func (b *baseline) measure(ctx context.Context, env *Env, running []Container) {
	if env.Figures == nil || len(running) == 0 {
		return
	}
	figures, err := env.Figures.Memory(ctx, running)
	if err != nil {
		return
	}
	for _, c := range running {
		b.Memory[c.Service] = max(b.Memory[c.Service], figures[c.Name].Used)
	}
}

// ask keeps who passes the check by which the watch will ask it: one that fails also
// when all is well says nothing then.
func (b *baseline) ask(ctx context.Context, env *Env, shared, former []GateSpec) {
	for _, gate := range shared {
		c, err := env.Containers.Inspect(ctx, gate.Container)
		if err != nil || !c.serves() {
			continue
		}
		b.Well = append(b.Well, gate.Container)
		if env.Gate.Gate(ctx, gate, func(Probe) {}) == nil {
			b.Passed = append(b.Passed, gate.Container)
		}
	}
	for _, gate := range former {
		if env.Gate.Gate(ctx, gate, func(Probe) {}) == nil {
			b.Well = append(b.Well, gate.Container)
		}
	}
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
