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
)

// SwitchStep moves the routes of one service or of several from one set of
// targets to another, all in one act.
type SwitchStep struct {
	Service string      `json:"service"`
	Before  *RouteState `json:"before,omitempty"` // nil: there was no route
	After   *RouteState `json:"after,omitempty"`  // nil: it is taken away
	// Instead are services whose route this one takes over, as they were.
	Instead map[string]RouteState `json:"instead,omitempty"`
	// Also are further services whose requests move at the same moment.
	Also []RouteMove `json:"also,omitempty"`
	// AtStart says that an nginx finds it when it starts: whichever runs before
	// cannot be told.
	AtStart bool `json:"atStart,omitempty"`
}

// RouteMove is what happens to the route of one service.
type RouteMove struct {
	Service string      `json:"service"`
	Before  *RouteState `json:"before,omitempty"`
	After   *RouteState `json:"after,omitempty"`
}

// moves lists everything that the step changes.
func (s *SwitchStep) moves() []RouteMove {
	moves := []RouteMove{{s.Service, s.Before, s.After}}
	for _, name := range slices.Sorted(maps.Keys(s.Instead)) {
		route := s.Instead[name]
		moves = append(moves, RouteMove{Service: name, Before: &route})
	}
	return append(moves, s.Also...)
}

// Do sets the new routes, to containers that run.
func (s *SwitchStep) Do(ctx context.Context, env *Env) error {
	moves := s.moves()
	var serving []string
	for _, m := range moves {
		serving = append(serving, m.After.serving()...)
	}
	if err := requireRunning(ctx, env, serving); err != nil {
		return err
	}
	return changeRoutes(ctx, env, s.AtStart, moves)
}

// Undo sets the old routes, and waits for the last requests of the containers
// that lose theirs, because the undo of their start comes next.
func (s *SwitchStep) Undo(ctx context.Context, env *Env) error {
	moves := s.moves()
	var before, after []string
	for i, m := range moves {
		before, after = append(before, m.Before.serving()...), append(after, m.After.serving()...)
		moves[i].After = m.Before
	}
	if err := changeRoutes(ctx, env, s.AtStart, moves); err != nil || s.AtStart {
		return err
	}
	leaving := slices.DeleteFunc(after, func(name string) bool { return slices.Contains(before, name) })
	_, err := waitIdle(ctx, env, leaving, DefaultDrain)
	return err
}

// Line implements Step.
func (s *SwitchStep) Line() Line {
	object, detail := (&RouteMove{s.Service, s.Before, s.After}).line()
	for _, m := range s.Also {
		nextObject, nextDetail := m.line()
		object, detail = object+" and "+nextObject, detail+"; "+nextDetail
	}
	if len(s.Also) > 0 {
		detail += "; all at once"
	}
	if s.AtStart {
		return Line{Verb: "switch", Object: object, Detail: detail, Reason: "written, to be read at a start"}
	}
	return Line{Verb: "switch", Object: object, Detail: detail}
}

// line says where the requests go, and from where.
func (m *RouteMove) line() (object, detail string) {
	object, detail = m.Service, targetNames(m.Before)+" -> "+targetNames(m.After)
	if m.After != nil && m.After.Path != "" {
		object = strings.Join(m.After.Hosts, ",") + m.After.Path
		if len(m.After.Listeners) > 0 && (m.Before == nil || !slices.Equal(m.Before.Listeners, m.After.Listeners)) {
			detail += " on " + strings.Join(m.After.Listeners, ", ")
		}
	}
	return object, detail
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

// setRoutes looks up the addresses of the targets and hands the routes that
// are to be to the edge, in one act.
func setRoutes(ctx context.Context, env *Env, moves ...RouteMove) error {
	return changeRoutes(ctx, env, false, moves)
}

// changeRoutes is setRoutes, also for an nginx that finds them when it starts.
func changeRoutes(ctx context.Context, env *Env, atStart bool, moves []RouteMove) error {
	// Whoever sets a route last has looked last: two undos at a time must not
	// overwrite each other with what they saw before.
	env.routing.Lock()
	defer env.routing.Unlock()
	var changes []RouteChange
	var names []string
	for _, m := range moves {
		targets, err := lookUp(ctx, env, m.After)
		if err != nil {
			return err
		}
		changes = append(changes, RouteChange{Service: m.Service, Route: m.After, Targets: targets, AtStart: atStart})
		names = append(names, m.Service)
	}
	if err := env.Router.Routes(ctx, changes); err != nil {
		return fmt.Errorf("route %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// lookUp finds the addresses of a route's targets. A target that has none,
// because it does not run, is left out: the edge lets requests wait rather than
// sending them to a stranger who got the address.
func lookUp(ctx context.Context, env *Env, route *RouteState) ([]RouteTarget, error) {
	if route == nil {
		return nil, nil
	}
	var targets []RouteTarget
	for _, ref := range route.Targets {
		c, err := env.Containers.Inspect(ctx, ref.Container)
		if err != nil && ignoreMissing(err) != nil {
			return nil, err
		}
		if err != nil || c.Address() == "" {
			continue
		}
		address := net.JoinHostPort(c.Address(), strconv.Itoa(cmp.Or(ref.Port, route.Port)))
		targets = append(targets, RouteTarget{TargetRef: ref, Address: address})
	}
	return targets, nil
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
