package cli

import (
	"context"
	"fmt"
	"slices"

	"gapless/internal/project"
	"gapless/internal/update"
)

// mounts looks at the mounted files of all services. What a database could
// write is its data.
func (s *session) mounts(ctx context.Context, containers []update.Container) (map[string][]update.MountedFile, error) {
	var ours []string // that updates write: no change by anybody else
	if directory, _, native := s.project.Upstreams(); native {
		ours = append(ours, directory)
	}
	found, err := s.bench.Mounts(ctx, containers, ours...)
	if err != nil {
		return nil, fmt.Errorf("look at the mounted files: %w", err)
	}
	for _, service := range s.project.Services {
		if service.Role != project.RoleStateful {
			continue
		}
		found[service.Name] = slices.DeleteFunc(found[service.Name], func(f update.MountedFile) bool { return f.Writable })
		if len(found[service.Name]) == 0 {
			delete(found, service.Name)
		}
	}
	return found, nil
}
