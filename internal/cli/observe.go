package cli

import (
	"context"
	"encoding/json"
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
		MemoryAvailableBytes: observed.MemoryAvailableBytes, TakenPorts: observed.TakenPorts,
		Sources: map[string]change.Source{}, StepTimes: map[string]time.Duration{},
	}
	if state.Routes, err = s.routes(ctx); err != nil {
		return state, err
	}
	if err := s.addRelease(&state); err != nil {
		return state, err
	}
	return state, s.addSources(&state)
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

// addSources reads the build contexts. Services that build the same way share
// one look.
func (s *session) addSources(state *update.State) error {
	read := map[string]change.Source{}
	for _, service := range s.project.Services {
		build := s.project.Compose.Services[service.Name].Build
		if !service.Build || build == nil {
			continue
		}
		leaveOut := s.project.OutsideSource(service.Name)
		key, err := json.Marshal([]any{build, leaveOut})
		if err != nil {
			return err
		}
		source, known := read[string(key)]
		if !known {
			if source, err = change.ReadSource(build, leaveOut); err != nil {
				return refuse(fmt.Errorf("%s: %w", service.Name, err), "")
			}
			read[string(key)] = source
		}
		state.Sources[service.Name] = source
	}
	return nil
}

// wantedSource is what a service would be built from; nil if it is not built.
func wantedSource(state update.State, serviceName string) *change.Source {
	source, builds := state.Sources[serviceName]
	if !builds {
		return nil
	}
	return &source
}

// detect compares what runs with what is wanted.
func (s *session) detect(state update.State) []change.Change {
	wanted, running := map[string]change.Wanted{}, map[string][]change.Running{}
	for _, service := range s.project.Services {
		image := state.Images[service.Name]
		wanted[service.Name] = change.Wanted{Image: image.Reference, ImageID: image.ID,
			ConfigHash: state.ConfigHashes[service.Name], Source: wantedSource(state, service.Name)}
		for _, c := range state.ContainersOf(service.Name) {
			running[service.Name] = append(running[service.Name], change.Running{
				Name: c.Name, Image: c.Image, ImageID: c.ImageID, ConfigHash: c.ConfigHash, Up: c.Running, ExitCode: c.ExitCode,
				Source: builtFrom(state.Release, service.Name, c.ImageID),
			})
		}
	}
	return change.Detect(s.project, wanted, running)
}

// builtFrom is the source that an image was built from, if the last release
// made it.
func builtFrom(release *update.Release, serviceName, imageID string) *change.Source {
	if release == nil || release.Services[serviceName].ImageID != imageID {
		return nil
	}
	return release.SourceOf(serviceName)
}

// counters is what the edge counted for this project; nil if it does not run.
func (s *session) counters(ctx context.Context) *wire.Stats {
	stats, err := s.edge.Stats(ctx, s.project.Name)
	if err != nil {
		return nil
	}
	return &stats
}
