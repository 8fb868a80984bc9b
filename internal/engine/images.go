package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"
)

// pullWait bounds what depends on the outside world.
const pullWait = time.Hour

// Pull implements update.Images, with the credentials of docker login.
func (w *Workbench) Pull(ctx context.Context, serviceName string) (string, error) {
	service, known := w.project.Services[serviceName]
	if !known || service.Image == "" {
		return "", fmt.Errorf("service %s has no image to pull", serviceName)
	}
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	sdk, err := w.engine.sdk(w.engine.client)
	if err != nil {
		return "", err
	}
	project, err := w.project.WithSelectedServices([]string{serviceName}, types.IgnoreDependencies)
	if err != nil {
		return "", err
	}
	one := project.Services[serviceName]
	one.PullPolicy = types.PullPolicyAlways
	one.Build = nil
	project.Services[serviceName] = one
	if err := sdk.Pull(ctx, project, api.PullOptions{Quiet: true}); err != nil {
		return "", &ImageError{Kind: pullTrouble(err), Reference: service.Image, Err: err}
	}
	return w.ImageID(ctx, service.Image)
}

// ImageID returns the ID of the image that a reference names on this host; an
// *ImageError if it names none.
func (w *Workbench) ImageID(ctx context.Context, reference string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	image, err := w.engine.client.ImageInspect(ctx, reference)
	if errdefs.IsNotFound(err) {
		return "", &ImageError{Kind: ImageMissing, Reference: reference, Err: err}
	}
	return image.ID, err
}

// Tag implements update.Images.
func (w *Workbench) Tag(ctx context.Context, imageID, reference string) error {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err := w.engine.client.ImageTag(ctx, client.ImageTagOptions{Source: imageID, Target: reference})
	if errdefs.IsNotFound(err) {
		return &ImageError{Kind: ImageMissing, Reference: imageID, Err: err}
	}
	return err
}

// Untag implements update.Images. An image that containers still use keeps
// its content: removal is never forced.
func (w *Workbench) Untag(ctx context.Context, reference string) error {
	return w.engine.untag(ctx, reference)
}

// RemoveUnnamed removes an image that has no name and that nothing uses. Any other
// one stays.
func (e *Engine) RemoveUnnamed(ctx context.Context, imageID string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	image, err := e.client.ImageInspect(ctx, imageID)
	if errdefs.IsNotFound(err) || err == nil && len(image.RepoTags) > 0 {
		return nil // by its ID its last name would be taken away too
	}
	if err != nil {
		return err
	}
	_, err = e.client.ImageRemove(ctx, imageID, client.ImageRemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return err
}

func (e *Engine) untag(ctx context.Context, reference string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	_, err := e.client.ImageRemove(ctx, reference, client.ImageRemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// HasImage tells whether an image is there.
func (e *Engine) HasImage(ctx context.Context, imageID string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err := e.client.ImageInspect(ctx, imageID)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
