package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gapless/internal/change"
	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
	"gapless/internal/journal"
	"gapless/internal/update"
)

// observe reads everything that a plan is made from.
func (s *session) observe(ctx context.Context) (update.State, error) {
	observed, err := s.bench.Observe(ctx)
	if err != nil {
		return update.State{}, fmt.Errorf("look at the containers: %w", err)
	}
	state := update.State{
		Containers: observed.Containers, Images: observed.Images, ConfigHashes: observed.ConfigHashes,
		Capacity:   update.Capacity{MemoryAvailableBytes: observed.MemoryAvailableBytes},
		Processors: observed.Processors, TakenPorts: observed.TakenPorts,
		Sources: map[string]change.Source{}, BaseIDs: map[string]string{}, StepTimes: map[string]time.Duration{},
	}
	if err := runsAlone(); err != nil {
		state.NoHelper = err.Error()
	}
	if state.Mounts, err = s.mounts(ctx, state.Containers); err != nil {
		return state, err
	}
	if state.Routes, err = s.routes(ctx, state.Containers); err != nil {
		return state, err
	}
	if state.FormerRoutes, err = s.formerRoutes(ctx); err != nil {
		return state, err
	}
	if err := s.addRelease(&state); err != nil {
		return state, err
	}
	return state, s.addSources(ctx, &state)
}

// routes is what the edge has of this project, nothing if it does not run; or
// what an nginx was told that passes requests on by itself.
func (s *session) routes(ctx context.Context, containers []update.Container) (map[string]update.RouteState, error) {
	if s.project.Settings.Front.Enabled() {
		return s.upstreams(containers)
	}
	return s.edgeRoutes(ctx)
}

// formerRoutes is what the edge still has where an nginx passes the requests on
// by itself.
func (s *session) formerRoutes(ctx context.Context) (map[string]update.RouteState, error) {
	if !s.project.Settings.Front.Enabled() {
		return nil, nil
	}
	return s.edgeRoutes(ctx)
}

func (s *session) edgeRoutes(ctx context.Context) (map[string]update.RouteState, error) {
	config, err := s.edge.Get(ctx, s.project.Name)
	if errors.Is(err, edgectl.ErrNotRunning) || errors.Is(err, edgectl.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask the edge: %w", err)
	}
	return edgectl.RouteStates(config), nil
}

// addRelease adds the newest release and what earlier updates measured.
func (s *session) addRelease(state *update.State) error {
	release, err := s.store.Newest()
	if errors.Is(err, journal.ErrNoRelease) {
		return nil
	}
	if err != nil {
		return refuse(err, "")
	}
	state.Release = &release
	for name, service := range release.Services {
		for verb, took := range service.StepTimes {
			state.StepTimes[update.StepKey(verb, name)] = took
		}
	}
	return nil
}

// counters is what the edge counted for this project, each request once; nil if
// it does not run, or no request passes it.
func (s *session) counters(ctx context.Context) *wire.Stats {
	if s.project.Settings.Front.Enabled() {
		return nil
	}
	stats, err := s.edge.Stats(ctx, s.project.Name)
	if err != nil {
		return nil
	}
	return s.countedOnce(stats)
}

// countedOnce leaves out what a front has in its books already.
func (s *session) countedOnce(stats wire.Stats) *wire.Stats {
	s.counting.Lock()
	defer s.counting.Unlock()
	if s.passedOn == nil {
		s.passedOn = s.findPassedOn(stats)
	}
	once := wire.Stats{Generations: slices.Clone(stats.Generations)}
	for i := range once.Generations {
		if g := &once.Generations[i]; s.passedOn[g.Service] {
			g.Requests, g.Latency = 0, wire.Histogram{}
		}
	}
	return &once
}
