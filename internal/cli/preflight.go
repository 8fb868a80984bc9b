package cli

import (
	"context"
	"errors"
	"fmt"

	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
	"gapless/internal/engine"
	"gapless/internal/update"
)

// preflight refuses a plan that would fail half-way, before anything is
// touched.
func (s *session) preflight(ctx context.Context, state update.State, plan update.Plan) error {
	if plan.Empty() {
		return nil
	}
	if problems := s.takenPorts(state); len(problems) > 0 {
		return refuse(errors.Join(problems...), "stop what holds the port, or choose another one")
	}
	if err := s.checkListeners(ctx, plan, state); err != nil {
		return err
	}
	return s.freeNames(ctx, state, plan, s.engine.HolderOf)
}

// checkListeners refuses sockets and ports that the edge cannot have.
func (s *session) checkListeners(ctx context.Context, plan update.Plan, state update.State) error {
	directory, err := edgeDirectory()
	if err != nil {
		return err
	}
	for _, step := range plan.Steps() {
		edge, ok := step.(*update.EdgeStep)
		if !ok {
			continue
		}
		if err := s.checkSockets(ctx, directory, edgectl.SocketDirectories(edge.Listeners)); err != nil {
			return err
		}
		if err := s.checkPorts(ctx, edge.Listeners, state); err != nil {
			return err
		}
	}
	return nil
}

// checkPorts refuses a port of the edge that somebody else has: neither the
// edge itself nor a container of this project, whose port moves to the edge.
func (s *session) checkPorts(ctx context.Context, listeners []string, state update.State) error {
	health, err := s.edge.Health(ctx)
	if err != nil && !errors.Is(err, edgectl.ErrNotRunning) {
		return err
	}
	serving := map[int]bool{}
	for _, l := range health.Listeners {
		if l.State == wire.ListenerServing {
			serving[update.ListenerPort(l.Address)] = true
		}
	}
	for _, listener := range listeners {
		port := update.ListenerPort(listener)
		owner, taken := state.TakenPorts[port]
		if port == 0 || !taken || serving[port] || s.owns(state, owner) {
			continue
		}
		return refuse(fmt.Errorf("the edge cannot listen on %s: port %d is taken by %s", listener, port, owner), "stop what holds the port, or choose another one in x-gapless.edge")
	}
	return nil
}

// takenPorts lists the host ports that new services need and others hold.
func (s *session) takenPorts(state update.State) []error {
	var problems []error
	for _, service := range s.project.Services {
		for _, port := range service.HostPorts {
			if owner, taken := state.TakenPorts[port.Host]; taken && port.Protocol != "udp" && !s.owns(state, owner) && !state.EdgeGivesUp(port.Host) && len(state.ContainersOf(service.Name)) == 0 {
				problems = append(problems, fmt.Errorf("%s: host port %d is taken by %s", service.Name, port.Host, owner))
			}
		}
	}
	return problems
}

// freeNames refuses a plan if a name that it gives to a container is that of
// a container which is not the project's.
func (s *session) freeNames(ctx context.Context, state update.State, plan update.Plan,
	holderOf func(context.Context, string) (*engine.ForeignContainerError, error)) error {
	var problems []error
	hint := ""
	for _, name := range newNames(plan.Steps()) {
		if s.owns(state, name) {
			continue // its own rename or number makes room
		}
		holder, err := holderOf(ctx, name)
		if err != nil {
			return fmt.Errorf("look for a container named %s: %w", name, err)
		}
		if holder != nil {
			problems, hint = append(problems, holder), holder.Hint()
		}
	}
	if len(problems) > 0 {
		return refuse(errors.Join(problems...), hint)
	}
	return nil
}

// newNames lists the names that steps give to containers.
func newNames(steps []update.Step) []string {
	var names []string
	for _, step := range steps {
		switch s := step.(type) {
		case *update.StartStep:
			names = append(names, s.Name)
		case *update.JobStep:
			names = append(names, s.Name)
		case *update.TaskStep:
			names = append(names, s.Names()...)
		case *update.RenameStep:
			names = append(names, s.New)
		case *update.ParallelStep:
			for _, part := range s.Steps {
				names = append(names, newNames([]update.Step{part.Step})...)
			}
		}
	}
	return names
}

// owns tells whether a container of this project has the name.
func (s *session) owns(state update.State, name string) bool {
	for _, c := range state.Containers {
		if c.Name == name {
			return true
		}
	}
	return false
}
