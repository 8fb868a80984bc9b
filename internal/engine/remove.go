package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// removeWait bounds a removal, which waits for the file systems of the
// container.
const removeWait = 2 * time.Minute

// Remove implements update.Creator.
func (w *Workbench) Remove(ctx context.Context, name string) error {
	return w.engine.remove(ctx, name, false)
}

// remove removes a container by force and waits until it is gone. The engine
// refuses while another removal is under way; then it is asked again.
func (e *Engine) remove(ctx context.Context, name string, withVolumes bool) error {
	ctx, cancel := context.WithTimeout(ctx, removeWait)
	defer cancel()
	found, err := e.inspect(ctx, name)
	if errors.Is(err, update.ErrNoContainer) {
		return nil
	}
	if err != nil {
		return err
	}
	withVolumes = withVolumes || isOwnOneOff(found.Config.Labels)
	var last error
	for {
		_, err := e.client.ContainerRemove(ctx, found.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: withVolumes})
		if err != nil && !errdefs.IsNotFound(err) {
			last = err
			if !isRemovalUnderWay(err) && ctx.Err() == nil && !errdefs.IsInternal(err) {
				return fmt.Errorf("remove %s: %w", name, err)
			}
		}
		if _, err := e.inspect(ctx, found.ID); errors.Is(err, update.ErrNoContainer) {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("remove %s: %w", name, errors.Join(err, last))
		}
	}
}

// isRemovalUnderWay recognizes the refusal "removal of container ... is
// already in progress".
func isRemovalUnderWay(err error) bool {
	return errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}

// Rename implements update.Creator.
func (w *Workbench) Rename(ctx context.Context, oldName, newName string) error {
	_, err := w.engine.inspect(ctx, oldName)
	if errors.Is(err, update.ErrNoContainer) {
		// Renamed by an attempt that was cut off, or gone for good.
		_, err := w.engine.inspect(ctx, newName)
		return err
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err = w.engine.client.ContainerRename(ctx, oldName, client.ContainerRenameOptions{NewName: newName})
	if errdefs.IsConflict(err) {
		if holder, holderErr := w.engine.inspect(ctx, newName); holderErr == nil {
			return &ForeignContainerError{Name: newName, ID: holder.ID, Origin: origin(holder.Config.Labels)}
		}
	}
	return missing(oldName, err)
}

// removeLabelled removes all containers that have the labels, whether they run or
// not.
func (e *Engine) removeLabelled(ctx context.Context, labels ...string) error {
	listing, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	found, err := e.client.ContainerList(listing, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labels...)})
	if err != nil {
		return err
	}
	var failures []error
	for _, c := range found.Items {
		failures = append(failures, e.remove(ctx, c.ID, true))
	}
	return errors.Join(failures...)
}
