package update

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
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
		if err := setRoute(ctx, env, s.Spec.Service, s.Candidate); err != nil {
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
	return setRoute(ctx, env, s.Spec.Service, s.Before)
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
	return Line{Verb: "gate", Object: s.Spec.Container, Detail: fmt.Sprintf("%s within %s", how, DurationText(s.Spec.Deadline))}
}

// SwitchStep moves a route from one set of targets to another in one act.
type SwitchStep struct {
	Service string      `json:"service"`
	Before  *RouteState `json:"before,omitempty"`
	After   *RouteState `json:"after,omitempty"`
	// Instead are services whose route this one takes over, as they were.
	Instead map[string]RouteState `json:"instead,omitempty"`
}

// Do sets the new route, to containers that run.
func (s *SwitchStep) Do(ctx context.Context, env *Env) error {
	if err := requireRunning(ctx, env, s.After.serving()); err != nil {
		return err
	}
	return setRoute(ctx, env, s.Service, s.After, slices.Sorted(maps.Keys(s.Instead))...)
}

// Undo sets the old routes.
func (s *SwitchStep) Undo(ctx context.Context, env *Env) error {
	if err := setRoute(ctx, env, s.Service, s.Before); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Instead)) {
		route := s.Instead[name]
		if err := setRoute(ctx, env, name, &route); err != nil {
			return err
		}
	}
	return nil
}

// Line implements Step.
func (s *SwitchStep) Line() Line {
	detail := targetNames(s.Before) + " -> " + targetNames(s.After)
	object := s.Service
	if s.After != nil && s.After.Path != "" {
		object = strings.Join(s.After.Hosts, ",") + s.After.Path
		if s.Before == nil && len(s.After.Listeners) > 0 {
			detail += " on " + strings.Join(s.After.Listeners, ", ")
		}
	}
	return Line{Verb: "switch", Object: object, Detail: detail}
}

// serving lists the containers that get requests.
func (r *RouteState) serving() []string {
	if r == nil {
		return nil
	}
	var names []string
	for _, t := range r.Targets {
		if t.Weight > 0 {
			names = append(names, t.Container)
		}
	}
	return names
}

// targetNames lists the containers that get requests, for a line.
func targetNames(route *RouteState) string {
	names := route.serving()
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// setRoute looks up the addresses of the targets and hands the route to the
// edge. A target that has no address, because it does not run, is left out:
// the edge lets requests wait rather than sending them to a stranger who got
// the address.
func setRoute(ctx context.Context, env *Env, serviceName string, route *RouteState, instead ...string) error {
	// Whoever sets the route last has looked last: two undos at a time must not
	// overwrite each other with what they saw before.
	env.routing.Lock()
	defer env.routing.Unlock()
	if route == nil {
		return env.Router.Route(ctx, serviceName, nil, nil)
	}
	var targets []RouteTarget
	for _, ref := range route.Targets {
		c, err := env.Containers.Inspect(ctx, ref.Container)
		if err != nil && ignoreMissing(err) != nil {
			return err
		}
		if err != nil || c.Address() == "" {
			continue
		}
		address := net.JoinHostPort(c.Address(), strconv.Itoa(cmp.Or(ref.Port, route.Port)))
		targets = append(targets, RouteTarget{TargetRef: ref, Address: address})
	}
	if err := env.Router.Route(ctx, serviceName, route, targets, instead...); err != nil {
		return fmt.Errorf("route %s: %w", serviceName, err)
	}
	return nil
}

// requireRunning refuses to go on when a container that is to serve died since
// its gate.
func requireRunning(ctx context.Context, env *Env, names []string) error {
	for _, name := range names {
		c, err := env.Containers.Inspect(ctx, name)
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if !c.Running || c.Address() == "" {
			return &GateError{Container: name, Reason: "passed its gate and does not run any more", Logs: env.Logs(ctx, name)}
		}
	}
	return nil
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
	end := env.Clock.Now().Add(s.AtMost)
	for {
		left := 0
		for _, name := range s.Containers {
			count, err := env.Router.InFlight(ctx, name)
			if err != nil {
				return fmt.Errorf("drain %s: %w", name, err)
			}
			left += count
		}
		if left == 0 {
			return nil
		}
		if !env.Clock.Now().Before(end) {
			env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
				Text: fmt.Sprintf("%d requests or streams are still open after %s and are cut when %s stops", left, DurationText(s.AtMost), strings.Join(s.Containers, ", "))})
			return nil
		}
		if err := env.Clock.Sleep(ctx, drainPoll); err != nil {
			return err
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

// HoldStep lets the requests for a service wait while it cannot answer. The
// route stays as it is: if the holder dies before it stopped the old
// container, that one serves again when the lease ends.
type HoldStep struct {
	Service string        `json:"service"`
	Limit   time.Duration `json:"limitNs"`
	Why     string        `json:"why,omitempty"`
}

// Do holds.
func (s *HoldStep) Do(ctx context.Context, env *Env) error {
	return env.Router.Hold(ctx, s.Service, s.Limit)
}

// Undo releases.
func (s *HoldStep) Undo(ctx context.Context, env *Env) error {
	return env.Router.Release(ctx, s.Service)
}

// rearm holds again when a resume finds that the lease of the dead holder may
// have run out in the middle.
func (s *HoldStep) rearm(ctx context.Context, env *Env) error {
	return env.Router.Hold(ctx, s.Service, s.Limit)
}

// Line implements Step.
func (s *HoldStep) Line() Line {
	return Line{Verb: "hold", Object: s.Service, Detail: "requests wait, at most " + DurationText(s.Limit), Reason: s.Why}
}

// ReleaseStep lets the waiting requests go on.
type ReleaseStep struct {
	Service string        `json:"service"`
	Limit   time.Duration `json:"limitNs"`
}

// Do releases.
func (s *ReleaseStep) Do(ctx context.Context, env *Env) error {
	return env.Router.Release(ctx, s.Service)
}

// Undo holds again, because the steps before are about to be undone.
func (s *ReleaseStep) Undo(ctx context.Context, env *Env) error {
	return env.Router.Hold(ctx, s.Service, s.Limit)
}

// Line implements Step.
func (s *ReleaseStep) Line() Line {
	return Line{Verb: "release", Object: s.Service, Detail: "waiting requests go on"}
}
