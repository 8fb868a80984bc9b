package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/types/container"

	"gapless/internal/update"
)

// createWait bounds one creation. It can take long, because the daemon copies
// what the image has at the destination of a new volume.
const createWait = 5 * time.Minute

// Create implements update.Creator through the Compose SDK, so that docker
// compose sees a container of its own making: same labels, same config hash,
// same networks and mounts.
func (w *Workbench) Create(ctx context.Context, spec update.CreateSpec) error {
	service, known := w.project.Services[spec.Service]
	if !known {
		return fmt.Errorf("service %s is not in project %s", spec.Service, w.project.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, createWait)
	defer cancel()
	done, err := w.adopt(ctx, spec, service)
	if err != nil || done {
		return err
	}
	create := w.createNew
	switch {
	case spec.Helper != nil:
		create = w.createHelper
	case len(spec.Command) > 0:
		create = w.createOneOff
	}
	err = create(ctx, spec, service)
	if errdefs.IsConflict(err) {
		// Somebody was faster. If it was a request of this run, all is well.
		if done, adoptErr := w.adopt(ctx, spec, service); done || adoptErr != nil {
			return adoptErr
		}
	}
	return err
}

// adopt takes a container of that name as it is if this run made it and it is
// whole. A half-made one is removed, one of anybody else is an error.
func (w *Workbench) adopt(ctx context.Context, spec update.CreateSpec, service types.ServiceConfig) (bool, error) {
	found, err := w.engine.inspect(ctx, spec.Name)
	if errors.Is(err, update.ErrNoContainer) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	labels := found.Config.Labels
	if labels[LabelRun] != spec.Run {
		return false, &ForeignContainerError{Name: spec.Name, ID: found.ID, Origin: origin(labels)}
	}
	if labels[LabelRole] == RoleHelper {
		return true, nil
	}
	if labels[LabelRole] != RoleTombstone && (wasStarted(found) || w.isConnected(found, service)) {
		if wasStarted(found) {
			return true, nil
		}
		return true, w.injectFiles(ctx, service, found.ID)
	}
	return false, w.engine.remove(ctx, found.ID, false)
}

// isConnected tells whether a container has all networks of its service. A
// request that died between creation and connection leaves one that has not.
func (w *Workbench) isConnected(c container.InspectResponse, service types.ServiceConfig) bool {
	for key := range service.Networks {
		if _, connected := c.NetworkSettings.Networks[w.project.Networks[key].Name]; !connected {
			return false
		}
	}
	return true
}

// createNew makes the container and puts the configs and secrets into it that
// docker compose does not mount.
func (w *Workbench) createNew(ctx context.Context, spec update.CreateSpec, service types.ServiceConfig) error {
	request, err := w.createRequest(ctx, spec, service)
	if err != nil {
		return err
	}
	narrowed, err := w.narrow(service)
	if err != nil {
		return err
	}
	guarded := &createClient{
		APIClient:   w.engine.client,
		request:     request,
		projectName: w.project.Name,
		fixedName:   service.ContainerName != "",
	}
	sdk, err := w.engine.sdk(guarded)
	if err != nil {
		return err
	}
	// Two creations at once would both make a network that is missing.
	w.creating.Lock()
	err = sdk.Create(ctx, narrowed, api.CreateOptions{
		Services:             []string{spec.Service},
		IgnoreOrphans:        true,
		Recreate:             api.RecreateNever,
		RecreateDependencies: api.RecreateNever,
		SkipProviders:        true,
	})
	w.creating.Unlock()
	w.noteAnswer(spec, err)
	if err != nil {
		return createError(request.reference, err)
	}
	id := guarded.created.Load()
	if id == nil {
		return fmt.Errorf("the compose library made no container for service %s", spec.Service)
	}
	return w.injectFiles(ctx, service, *id)
}

// narrow returns the project with the one service, of which exactly one
// container is missing beside the one that createClient pretends to have.
func (w *Workbench) narrow(service types.ServiceConfig) (*types.Project, error) {
	narrowed, err := w.project.WithSelectedServices([]string{service.Name}, types.IgnoreDependencies)
	if err != nil {
		return nil, err
	}
	narrowed = narrowed.WithoutUnnecessaryResources()
	one := narrowed.Services[service.Name]
	scale := 2
	if one.ContainerName != "" {
		scale = 1
		one.PreStart = nil
	}
	one.SetScale(scale)
	// Neither is part of the config hash.
	one.PullPolicy = types.PullPolicyNever
	narrowed.Services[service.Name] = one
	return narrowed, nil
}

// createRequest collects what is different from a creation by docker compose.
func (w *Workbench) createRequest(ctx context.Context, spec update.CreateSpec, service types.ServiceConfig) (*createRequest, error) {
	request := &createRequest{spec: spec, dependencies: dependenciesLabel(service), reference: w.imageReference(service)}
	image, err := w.engine.client.ImageInspect(ctx, cmp.Or(spec.ImageID, request.reference))
	if err != nil {
		return nil, createError(cmp.Or(spec.ImageID, request.reference), err)
	}
	if image.Config != nil {
		request.environment = image.Config.Env
	}
	if request.isOneOff() {
		request.running, err = w.mountedBy(ctx, spec.Service, spec.Beside)
		return request, err
	}
	if service.ContainerName != "" && len(service.PreStart) > 0 {
		existing, err := w.engine.list(ctx, w.project.Name)
		if err != nil {
			return nil, err
		}
		if request.configHash, err = configHash(service, existing); err != nil {
			return nil, err
		}
	}
	if spec.Inherit == "" {
		return request, nil
	}
	if image.Config != nil {
		request.imageVolumes = image.Config.Volumes
	}
	old, err := w.engine.inspect(ctx, spec.Inherit)
	if err != nil {
		return nil, fmt.Errorf("take over the volumes of %s: %w", spec.Inherit, err)
	}
	request.inherited = old.Mounts
	return request, nil
}

// createError makes a missing image specific.
func createError(reference string, err error) error {
	if errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image") {
		return &ImageError{Kind: ImageMissing, Reference: reference, Err: err}
	}
	return err
}

// noteAnswer remembers whether every create request of this process for a
// name was answered with success, so that none can still be on its way.
func (w *Workbench) noteAnswer(spec update.CreateSpec, err error) {
	key := createKey{spec.Name, spec.Run}
	if err != nil {
		w.answered.Store(key, false)
		return
	}
	w.answered.LoadOrStore(key, true)
}
