package cli

import (
	"context"
	"errors"
	"fmt"
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
		MemoryAvailableBytes: observed.MemoryAvailableBytes, Processors: observed.Processors, TakenPorts: observed.TakenPorts,
		BuildHashes: map[string]string{}, StepTimes: map[string]time.Duration{},
	}
	if state.Routes, err = s.routes(ctx); err != nil {
		return state, err
	}
	if err := s.addRelease(&state); err != nil {
		return state, err
	}
	return state, s.addBuilds(&state)
}

// routes is what the edge has of this project; nothing if it does not run.
func (s *session) routes(ctx context.Context) (map[string]update.RouteState, error) {
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

// addBuilds digests the build contexts.
func (s *session) addBuilds(state *update.State) error {
	for _, service := range s.project.Services {
		if !service.Build {
			continue
		}
		sum, err := change.HashSource(s.project.Compose.Services[service.Name].Build)
		if err != nil {
			return refuse(fmt.Errorf("%s: %w", service.Name, err), "")
		}
		state.BuildHashes[service.Name] = sum
	}
	return nil
}

// detect compares what runs with what is wanted.
func (s *session) detect(state update.State) []change.Change {
	wanted, running := map[string]change.Wanted{}, map[string][]change.Running{}
	for _, service := range s.project.Services {
		image := state.Images[service.Name]
		wanted[service.Name] = change.Wanted{Image: image.Reference, ImageID: image.ID,
			ConfigHash: state.ConfigHashes[service.Name], BuildHash: state.BuildHashes[service.Name]}
		for _, c := range state.ContainersOf(service.Name) {
			running[service.Name] = append(running[service.Name], change.Running{
				Name: c.Name, Image: c.Image, ImageID: c.ImageID, ConfigHash: c.ConfigHash, Up: c.Running, ExitCode: c.ExitCode,
				BuildHash: builtFrom(state.Release, service.Name, c.ImageID),
			})
		}
	}
	return change.Detect(s.project, wanted, running)
}

// builtFrom is the digest of the source that an image was built from, if the
// last release made it.
func builtFrom(release *update.Release, serviceName, imageID string) string {
	if release == nil || release.Services[serviceName].ImageID != imageID {
		return ""
	}
	return release.Services[serviceName].BuildHash
}

// counters is what the edge counted for this project; nil if it does not run.
func (s *session) counters(ctx context.Context) *wire.Stats {
	stats, err := s.edge.Stats(ctx, s.project.Name)
	if err != nil {
		return nil
	}
	return &stats
}
