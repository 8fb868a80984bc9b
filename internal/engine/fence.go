package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// fenceSettle is the time for which a name is held, and then the time between
// two listings that must agree. Requests of dead clients were seen to take
// effect up to some 100 ms later.
const fenceSettle = 500 * time.Millisecond

// fenceWait bounds a fence.
const fenceWait = 2 * time.Minute

// Fence implements update.Creator.
//
// A create request goes on in the daemon after the death of its client, so
// that listing and removing is not enough: the container can appear later.
// Names are unique, though, so a tombstone under the same name turns such a
// request into a conflict. So does the container of somebody else under that
// name, which is left alone: nothing of the run is there then, and nothing can
// come.
func (w *Workbench) Fence(ctx context.Context, name, run string) error {
	err := w.fence(ctx, name, run)
	var foreign *ForeignContainerError
	if errors.As(err, &foreign) {
		return nil
	}
	return err
}

func (w *Workbench) fence(ctx context.Context, name, run string) error {
	ctx, cancel := context.WithTimeout(ctx, fenceWait)
	defer cancel()
	if answered, _ := w.answered.Load(createKey{name, run}); answered == true {
		// The request was of this process and is known to be over.
		return w.removeOwn(ctx, name, run)
	}
	tombstone, err := w.holdName(ctx, name, run)
	if err != nil {
		return fmt.Errorf("fence %s: %w", name, err)
	}
	waited := pause(ctx, fenceSettle)
	if err := w.engine.remove(context.WithoutCancel(ctx), tombstone, true); err != nil {
		return fmt.Errorf("fence %s: %w", name, err)
	}
	if waited != nil {
		return fmt.Errorf("fence %s: %w", name, waited)
	}
	return w.awaitAgreement(ctx, name, run)
}

// holdName takes the name with a tombstone, removing what the run has left
// under it.
func (w *Workbench) holdName(ctx context.Context, name, run string) (string, error) {
	for {
		id, err := w.engine.createTombstone(ctx, name, run)
		if err == nil {
			return id, nil
		}
		if !errdefs.IsConflict(err) {
			return "", err
		}
		if err := w.removeOwn(ctx, name, run); err != nil {
			return "", err
		}
		// A name is taken before its container can be seen.
		if err := pause(ctx, pollEvery); err != nil {
			return "", err
		}
	}
}

// removeOwn removes the container of that name if the run made it. One of
// anybody else is an error.
func (w *Workbench) removeOwn(ctx context.Context, name, run string) error {
	holder, err := w.engine.inspect(ctx, name)
	if errors.Is(err, update.ErrNoContainer) {
		return nil
	}
	if err != nil {
		return err
	}
	if holder.Config.Labels[LabelRun] != run {
		return &ForeignContainerError{Name: name, ID: holder.ID, Origin: origin(holder.Config.Labels)}
	}
	return w.engine.remove(ctx, holder.ID, holder.Config.Labels[LabelRole] == RoleTombstone)
}

// awaitAgreement lists until two listings some time apart agree that the run
// has no container of that name.
func (w *Workbench) awaitAgreement(ctx context.Context, name, run string) error {
	agreed := 0
	for {
		left, err := w.engine.ofRun(ctx, name, run)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			agreed++
		} else {
			agreed = 0
		}
		for _, id := range left {
			if err := w.engine.remove(ctx, id, false); err != nil {
				return err
			}
		}
		if agreed == 2 {
			return nil
		}
		if err := pause(ctx, fenceSettle); err != nil {
			return fmt.Errorf("fence %s: %w", name, err)
		}
	}
}

// ofRun lists the IDs of the containers that a run made under a name.
func (e *Engine) ofRun(ctx context.Context, name, run string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	result, err := e.client.ContainerList(ctx, client.ContainerListOptions{
		All:     true,
		Filters: make(client.Filters).Add("label", LabelRun+"="+run),
	})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range result.Items {
		if slices.Contains(c.Names, "/"+name) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// RemoveTombstones removes those that a killed fence has left behind. They
// never run and serve nobody; any command may call it.
func (e *Engine) RemoveTombstones(ctx context.Context) error {
	result, err := e.client.ContainerList(ctx, client.ContainerListOptions{
		All:     true,
		Filters: make(client.Filters).Add("label", LabelRole+"="+RoleTombstone),
	})
	if err != nil {
		return err
	}
	for _, c := range result.Items {
		// A younger one may be the fence of somebody who is at work.
		if c.State != container.StateCreated || time.Since(time.Unix(c.Created, 0)) < fenceWait {
			continue
		}
		if err := e.remove(ctx, c.ID, true); err != nil {
			return err
		}
	}
	return nil
}
