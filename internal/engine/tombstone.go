package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// tombstoneImage is empty: a tombstone never runs, and an image of the
// project could declare volumes, which the daemon would fill.
const tombstoneImage = "gapless/tombstone:1"

// createTombstone creates a container that is never started, to hold a name.
func (e *Engine) createTombstone(ctx context.Context, name, run string) (string, error) {
	id, err := e.createTombstoneOf(ctx, tombstoneImage, name, run)
	if !errdefs.IsNotFound(err) {
		return id, err
	}
	importErr := e.importEmpty(ctx, tombstoneImage)
	if importErr == nil {
		return e.createTombstoneOf(ctx, tombstoneImage, name, run)
	}
	// On a full disk nothing can be imported; any image that is there serves.
	images, err := e.client.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return "", err
	}
	for _, image := range images.Items {
		id, err := e.createTombstoneOf(ctx, image.ID, name, run)
		if err == nil || errdefs.IsConflict(err) {
			return id, err
		}
	}
	return "", importErr
}

func (e *Engine) createTombstoneOf(ctx context.Context, image, name, run string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	result, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name,
		Config: &container.Config{
			Image:           image,
			Cmd:             []string{"tombstone"},
			NetworkDisabled: true,
			Labels:          map[string]string{LabelRun: run, LabelRole: RoleTombstone, LabelTool: toolName()},
		},
		HostConfig: &container.HostConfig{
			NetworkMode:   "none",
			RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		},
	})
	return result.ID, err
}

// importEmpty makes an image without any file.
func (e *Engine) importEmpty(ctx context.Context, reference string) error {
	empty := &bytes.Buffer{}
	if err := tar.NewWriter(empty).Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	answer, err := e.client.ImageImport(ctx, client.ImageImportSource{Source: empty, SourceName: "-"}, reference, client.ImageImportOptions{})
	if err != nil {
		return err
	}
	_, readErr := io.Copy(io.Discard, answer)
	if err := errors.Join(readErr, answer.Close()); err != nil {
		return fmt.Errorf("import %s: %w", reference, err)
	}
	return nil
}
