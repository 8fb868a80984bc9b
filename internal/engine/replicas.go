package engine

import (
	"context"
	"slices"

	"github.com/moby/moby/api/types/container"

	"gapless/internal/update"
)

// Replicas looks at the containers of one service, sorted by name.
func (w *Workbench) Replicas(ctx context.Context, serviceName string) ([]update.Container, error) {
	all, err := w.engine.listAll(ctx)
	if err != nil {
		return nil, err
	}
	return w.lookAll(ctx, slices.DeleteFunc(all, func(c container.Summary) bool {
		return !isReplica(c, w.project.Name) || c.Labels[labelService] != serviceName
	}))
}
