package update

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// EdgeStep makes sure that the edge runs before anything is routed.
type EdgeStep struct {
	Listeners []string `json:"listeners,omitempty"`
	Detail    string   `json:"detail,omitempty"`
}

// Do starts the edge if it does not run.
func (s *EdgeStep) Do(ctx context.Context, env *Env) error {
	return env.Router.Ensure(ctx, s.Listeners)
}

// Undo leaves the edge: it serves all projects of the host.
func (s *EdgeStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *EdgeStep) Line() Line {
	return Line{Verb: "edge", Object: "gapless-edge", Detail: s.Detail}
}

// GateStep waits until a new container is healthy. A container behind a route
// is looked at through the edge, as a target that gets no requests yet.
type GateStep struct {
	Spec      GateSpec    `json:"spec"`
	Before    *RouteState `json:"before,omitempty"` // nil: there was no route
	Candidate *RouteState `json:"candidate,omitempty"`
}

// Do makes the container known to the edge and waits.
func (s *GateStep) Do(ctx context.Context, env *Env) error {
	if s.Candidate != nil {
		if err := setRoutes(ctx, env, RouteMove{Service: s.Spec.Service, After: s.Candidate}); err != nil {
			return err
		}
	}
	return env.Gate.Gate(ctx, s.Spec, func(p Probe) {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventProbe, Run: env.Run, Probe: &p, Line: s.Line()})
	})
}

// Undo takes the candidate out of the edge again.
func (s *GateStep) Undo(ctx context.Context, env *Env) error {
	if s.Candidate == nil {
		return nil
	}
	return setRoutes(ctx, env, RouteMove{Service: s.Spec.Service, After: s.Before})
}

// Line implements Step.
func (s *GateStep) Line() Line {
	how := map[string]string{
		GateEdge:        "answers " + cmp.Or(s.Spec.HealthPath, "HTTP") + " through the edge",
		GateDirect:      fmt.Sprintf("answers %s on port %d", cmp.Or(s.Spec.HealthPath, "HTTP"), s.Spec.Port),
		GateHealthcheck: "passes its healthcheck",
		GateRunning:     "stays up",
	}[s.Spec.Kind]
	if len(s.Spec.Smoke) > 0 {
		how += ", then " + strings.Join(s.Spec.Smoke, " ")
	}
	return Line{Verb: "gate", Object: s.Spec.Container, Detail: fmt.Sprintf("%s within %s", how, DurationText(s.Spec.Deadline)), Reason: s.Spec.Why}
}

// DrainStep waits until containers that get no more requests have answered
// those that they have.
type DrainStep struct {
	Service    string        `json:"service"`
	Containers []string      `json:"containers"`
	AtMost     time.Duration `json:"atMostNs"`
}

// drainPoll is the time between two looks at the requests in flight.
const drainPoll = 20 * time.Millisecond

// Do waits. What is left after the limit, such as an open WebSocket, is not a
// failure: the container's own grace comes next.
func (s *DrainStep) Do(ctx context.Context, env *Env) error {
	left, err := waitIdle(ctx, env, s.Containers, s.AtMost)
	if err == nil && left > 0 {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
			Text: fmt.Sprintf("%d requests or streams are still open after %s and are cut when %s stops", left, DurationText(s.AtMost), strings.Join(s.Containers, ", "))})
	}
	return err
}

// waitIdle waits until containers have no request in flight any more, at most
// for the time, and returns how many are left.
func waitIdle(ctx context.Context, env *Env, containers []string, atMost time.Duration) (left int, err error) {
	end := env.Clock.Now().Add(atMost)
	for {
		left = 0
		for _, name := range containers {
			count, err := env.Router.InFlight(ctx, name)
			if err != nil {
				return 0, fmt.Errorf("drain %s: %w", name, err)
			}
			left += count
		}
		if left == 0 || !env.Clock.Now().Before(end) {
			return left, nil
		}
		if err := env.Clock.Sleep(ctx, drainPoll); err != nil {
			return left, err
		}
	}
}

// Undo has nothing to do: a drained container takes requests again as soon as
// it is routed to.
func (s *DrainStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *DrainStep) Line() Line {
	return Line{Verb: "drain", Object: strings.Join(s.Containers, ", "), Detail: "until idle, at most " + DurationText(s.AtMost)}
}

// HoldStep lets the requests for a service wait while it cannot answer, and
// answers them with a page where that takes too long. The route stays as it
// is: if the holder dies before it stopped the old container, that one serves
// again when the lease ends.
type HoldStep struct {
	Service string        `json:"service"`
	Limit   time.Duration `json:"limitNs"`
	Page    *Page         `json:"page,omitempty"` // nil: what waits longer than the limit fails
	Why     string        `json:"why,omitempty"`
}

// Do holds.
func (s *HoldStep) Do(ctx context.Context, env *Env) error {
	return env.Router.Hold(ctx, s.Service, HoldSpec{Limit: s.Limit, Page: s.Page})
}

// Undo releases.
func (s *HoldStep) Undo(ctx context.Context, env *Env) error {
	return env.Router.Release(ctx, s.Service)
}

// rearm holds again when a resume finds that the lease of the dead holder may
// have run out in the middle.
func (s *HoldStep) rearm(ctx context.Context, env *Env) error {
	return s.Do(ctx, env)
}

// Line implements Step.
func (s *HoldStep) Line() Line {
	detail := "requests wait, at most " + DurationText(s.Limit)
	switch {
	case s.Page != nil && s.Limit <= 0:
		detail = "requests get the maintenance page"
	case s.Page != nil:
		detail += ", then get the maintenance page"
	}
	return Line{Verb: "hold", Object: s.Service, Detail: detail, Reason: s.Why}
}

// ReleaseStep lets the waiting requests go on.
type ReleaseStep struct {
	Service string        `json:"service"`
	Limit   time.Duration `json:"limitNs"` // of the hold, for the undo
	Page    *Page         `json:"page,omitempty"`
}

// Do releases.
func (s *ReleaseStep) Do(ctx context.Context, env *Env) error {
	return env.Router.Release(ctx, s.Service)
}

// Undo holds again, because the steps before are about to be undone.
func (s *ReleaseStep) Undo(ctx context.Context, env *Env) error {
	return env.Router.Hold(ctx, s.Service, HoldSpec{Limit: s.Limit, Page: s.Page})
}

// Line implements Step.
func (s *ReleaseStep) Line() Line {
	return Line{Verb: "release", Object: s.Service, Detail: "waiting requests go on"}
}
