package engine

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"gapless/internal/update"
)

// parallelRequests bounds the requests at once, so that the daemon has time
// for others.
const parallelRequests = 8

// Observation is what the engine and the host know about a project: its share
// of an update.State.
type Observation struct {
	Containers           []update.Container
	Images               map[string]update.Image // by service name
	ConfigHashes         map[string]string       // wanted, by service name
	MemoryAvailableBytes int64                   // 0 if not known
	Processors           int
	TakenPorts           map[int]string // host ports in use, with the owner
}

// Observe looks at the project once. The memory of containers is filled in
// where the kernel tells it at once; Memory measures the rest.
func (w *Workbench) Observe(ctx context.Context) (Observation, error) {
	observed := Observation{MemoryAvailableBytes: memoryAvailable(), Processors: runtime.NumCPU(), TakenPorts: listeningPorts()}
	all, err := w.engine.listAll(ctx)
	if err != nil {
		return observed, err
	}
	own := slices.DeleteFunc(slices.Clone(all), func(c container.Summary) bool {
		return !isReplica(c, w.project.Name)
	})
	nameTakenPorts(observed.TakenPorts, all)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		observed.ConfigHashes, err = w.configHashes(own)
		return err
	})
	group.Go(func() (err error) {
		observed.Images, err = w.images(ctx)
		return err
	})
	group.Go(func() (err error) {
		observed.Containers, err = w.lookAll(ctx, own)
		return err
	})
	return observed, group.Wait()
}

// Look inspects the containers of the project and nothing else.
func (w *Workbench) Look(ctx context.Context) ([]update.Container, error) {
	own, err := w.engine.list(ctx, w.project.Name)
	if err != nil {
		return nil, err
	}
	return w.lookAll(ctx, own)
}

// configHashes are those that containers of the project would have now.
func (w *Workbench) configHashes(existing []container.Summary) (map[string]string, error) {
	hashes := map[string]string{}
	for name, service := range w.project.Services {
		hash, err := configHash(service, existing)
		if err != nil {
			return nil, err
		}
		hashes[name] = hash
	}
	return hashes, nil
}

// lookAll inspects the containers that were listed, and sorts them by name.
func (w *Workbench) lookAll(ctx context.Context, listed []container.Summary) ([]update.Container, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRequests)
	looked := make([]*update.Container, len(listed))
	for i, c := range listed {
		group.Go(func() (err error) {
			looked[i], err = w.look(ctx, c.ID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var found []update.Container
	for _, c := range looked {
		if c == nil {
			continue
		}
		if isLocal(w.engine.host) {
			c.MemoryBytes, _ = cgroupMemory(c.PID)
		}
		found = append(found, *c)
	}
	slices.SortFunc(found, func(a, b update.Container) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// look inspects a container that was listed; nil if it went in between.
func (w *Workbench) look(ctx context.Context, id string) (*update.Container, error) {
	c, err := w.engine.Inspect(ctx, id)
	if errors.Is(err, update.ErrNoContainer) {
		return nil, nil
	}
	return &c, err
}

// images finds out which images the references of all services name.
func (w *Workbench) images(ctx context.Context) (map[string]update.Image, error) {
	ids := map[string]string{}
	for _, service := range w.project.Services {
		ids[w.imageReference(service)] = ""
	}
	references := sortedKeys(ids)
	found := make([]string, len(references))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRequests)
	for i, reference := range references {
		group.Go(func() error {
			image, err := w.engine.client.ImageInspect(ctx, reference)
			if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsInvalidArgument(err) {
				return err
			}
			found[i] = image.ID
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, reference := range references {
		ids[reference] = found[i]
	}
	images := map[string]update.Image{}
	for name, service := range w.project.Services {
		reference := w.imageReference(service)
		images[name] = update.Image{Reference: reference, ID: ids[reference]}
	}
	return images, nil
}

// listAll lists all containers of the engine.
func (e *Engine) listAll(ctx context.Context) ([]container.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	result, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true})
	return result.Items, err
}

// list lists the containers of the services of a project.
func (e *Engine) list(ctx context.Context, projectName string) ([]container.Summary, error) {
	all, err := e.listAll(ctx)
	return slices.DeleteFunc(all, func(c container.Summary) bool { return !isReplica(c, projectName) }), err
}

// isReplica tells whether a container is one of a service of the project and
// not of docker compose run or of a hook.
func isReplica(c container.Summary, projectName string) bool {
	return c.Labels[labelProject] == projectName && c.Labels[labelService] != "" &&
		c.Labels[labelOneOff] != "True" && c.Labels[labelHook] == "" && c.Labels[LabelRole] != RoleTombstone
}
