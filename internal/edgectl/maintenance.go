package edgectl

import (
	"context"
	"fmt"
	"strings"

	"gapless/internal/edge/wire"
)

// SetMaintenance takes the project out of service, or back into it with nil, and
// returns what was in force before. The health paths are those of its services by
// name. ErrUnknown says that the edge has no route of the project, so that there is
// nothing to answer.
func (r *Router) SetMaintenance(ctx context.Context, wanted *wire.Maintenance, healthPaths map[string]string) (before *wire.Maintenance, err error) {
	if _, err := r.client.State(ctx, r.project); err != nil {
		return nil, err
	}
	err = r.change(ctx, func(config *wire.ProjectConfig) {
		before, config.Maintenance = config.Maintenance, wanted
		for i, service := range config.Services {
			if path, known := healthPaths[service.Name]; known {
				config.Services[i].HealthPath = pathOnly(path)
			}
		}
	})
	if err != nil {
		return before, fmt.Errorf("maintenance of %s: %w", r.project, err)
	}
	return before, nil
}

// pathOnly is a health path without its query, which the edge does not look at.
func pathOnly(healthPath string) string {
	path, _, _ := strings.Cut(healthPath, "?")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " #\r\n\t\x00") {
		return ""
	}
	return path
}
