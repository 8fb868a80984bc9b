package update

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LeaveStep takes routes away from who moved the requests before, where a front
// passes them on by itself now.
type LeaveStep struct {
	Routes map[string]RouteState `json:"routes"` // as they were, by service name
}

// Do takes them away.
func (s *LeaveStep) Do(ctx context.Context, env *Env) error {
	var changes []RouteChange
	for _, name := range s.services() {
		changes = append(changes, RouteChange{Service: name})
	}
	return s.set(ctx, env, changes)
}

// Undo gives them back.
func (s *LeaveStep) Undo(ctx context.Context, env *Env) error {
	var changes []RouteChange
	for _, name := range s.services() {
		route := s.Routes[name]
		targets, err := lookUp(ctx, env, &route)
		if err != nil {
			return err
		}
		changes = append(changes, RouteChange{Service: name, Route: &route, Targets: targets})
	}
	return s.set(ctx, env, changes)
}

func (s *LeaveStep) set(ctx context.Context, env *Env, changes []RouteChange) error {
	if err := env.Former.Routes(ctx, changes); err != nil {
		return fmt.Errorf("routes that the edge had of %s: %w", strings.Join(s.services(), ", "), err)
	}
	return nil
}

func (s *LeaveStep) services() []string { return slices.Sorted(maps.Keys(s.Routes)) }

// Line implements Step.
func (s *LeaveStep) Line() Line {
	return Line{Verb: "leave", Object: "gapless-edge", Detail: "forgets its routes of " + strings.Join(s.services(), ", ")}
}
