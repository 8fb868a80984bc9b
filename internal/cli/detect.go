package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// detect compares what runs with what is wanted.
func (s *session) detect(ctx context.Context, state update.State) []change.Change {
	recorded := s.recordedConfigs(ctx, state)
	wanted, running := map[string]change.Wanted{}, map[string][]change.Running{}
	for _, service := range s.project.Services {
		image := state.Images[service.Name]
		wanted[service.Name] = change.Wanted{Image: image.Reference, ImageID: image.ID, ConfigHash: state.ConfigHashes[service.Name],
			Source: wantedSource(state, service.Name), BaseID: state.BaseIDs[service.Name], Mounts: mountHashes(state, service.Name)}
		for _, c := range state.ContainersOf(service.Name) {
			origin := originOf(state.Release, service.Name, c.ImageID)
			running[service.Name] = append(running[service.Name], change.Running{
				Name: c.Name, Image: c.Image, ImageID: c.ImageID, ConfigHash: c.ConfigHash, Up: c.Running, ExitCode: c.ExitCode,
				Source: origin.source, BaseID: origin.baseID, Config: configOf(recorded, state.Release, c),
				Mounts: recordedMounts(state.Release, c), Stale: staleMounts(state, service.Name), Injected: injectedMounts(state, service.Name),
			})
		}
	}
	return change.Detect(s.project, wanted, running)
}

// recordedConfigs is the configuration of the services in the last release. It
// is read only if a container has another than the wanted one.
func (s *session) recordedConfigs(ctx context.Context, state update.State) types.Services {
	differs := false
	for _, c := range state.Containers {
		differs = differs || c.ConfigHash != state.ConfigHashes[c.Service]
	}
	if !differs || state.Release == nil || len(state.Release.Rendered) == 0 {
		return nil
	}
	earlier, err := renderedProject(ctx, *state.Release, s.project.Directory)
	if err != nil {
		return nil // the plan then says less
	}
	return earlier.Compose.Services
}

// configOf is the configuration that a container was made with, if the last
// release recorded it.
func configOf(recorded types.Services, release *update.Release, c update.Container) *types.ServiceConfig {
	config, known := recorded[c.Service]
	if !known || release.Services[c.Service].ConfigHash != c.ConfigHash {
		return nil
	}
	return &config
}

// mountHashes are the digests of what a service has mounted from the host.
func mountHashes(state update.State, serviceName string) map[string]string {
	hashes := map[string]string{}
	for _, mounted := range state.Mounts[serviceName] {
		if mounted.Hash != "" {
			hashes[mounted.Target] = mounted.Hash
		}
	}
	return hashes
}

func staleMounts(state update.State, serviceName string) []string {
	return targetsOf(state.Mounts[serviceName], func(f update.MountedFile) bool { return f.Stale })
}

func injectedMounts(state update.State, serviceName string) []string {
	return targetsOf(state.Mounts[serviceName], func(f update.MountedFile) bool { return f.Injected })
}

// targetsOf lists where the files that are meant are in the container.
func targetsOf(files []update.MountedFile, meant func(update.MountedFile) bool) []string {
	var targets []string
	for _, file := range files {
		if meant(file) {
			targets = append(targets, file.Target)
		}
	}
	return targets
}

// recordedMounts are the digests that the last release recorded for a
// container of it.
func recordedMounts(release *update.Release, c update.Container) map[string]string {
	if release == nil {
		return nil
	}
	recorded := release.Services[c.Service]
	if recorded.ImageID != c.ImageID || recorded.ConfigHash != c.ConfigHash {
		return nil
	}
	return recorded.MountHashes
}

// origin is what an image was built from. What is not known is empty.
type origin struct {
	source *change.Source
	baseID string
}

// originOf is the origin of an image that the last release recorded.
func originOf(release *update.Release, serviceName, imageID string) origin {
	if release == nil || release.Services[serviceName].ImageID != imageID {
		return origin{}
	}
	return origin{release.SourceOf(serviceName), release.Services[serviceName].BaseID}
}

// wantedSource is what a service would be built from; nil if it is not built.
func wantedSource(state update.State, serviceName string) *change.Source {
	source, builds := state.Sources[serviceName]
	if !builds {
		return nil
	}
	return &source
}

// addSources reads the build contexts and looks for the images to build upon.
// Services that build the same way share one look.
func (s *session) addSources(ctx context.Context, state *update.State) error {
	read, bases := map[string]change.Source{}, map[string]string{}
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
		state.BaseIDs[service.Name] = s.baseID(ctx, service, bases)
	}
	return nil
}

// baseID is the image that a build of the service would start from; empty if
// it is not on this host, as with a builder that keeps its own.
func (s *session) baseID(ctx context.Context, service project.Service, known map[string]string) string {
	if service.BaseImage == "" || service.BaseImage == "scratch" {
		return ""
	}
	id, asked := known[service.BaseImage]
	if !asked {
		id, _ = s.bench.ImageID(ctx, service.BaseImage)
		known[service.BaseImage] = id
	}
	return id
}
