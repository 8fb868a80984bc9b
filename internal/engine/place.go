package engine

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"gapless/internal/update"
)

// place is what a container has mounted somewhere: a volume by its name or a
// directory of the host.
type place struct {
	kind   mount.Type
	source string
}

// String is the inverse of parsePlace.
func (p place) String() string { return string(p.kind) + ":" + p.source }

func parsePlace(text string) place {
	kind, source, _ := strings.Cut(text, ":")
	return place{mount.Type(kind), source}
}

// newPlace leaves out what no second container can be given the same of; its
// source is empty then.
func newPlace(kind mount.Type, source string) place {
	switch {
	case source == "" || kind != mount.TypeVolume && kind != mount.TypeBind:
		return place{}
	case kind == mount.TypeBind:
		source = path.Clean(source)
	}
	return place{kind, source}
}

// mount lets another container have the place.
func (p place) mount(target string, readOnly bool) mount.Mount {
	m := mount.Mount{Type: p.kind, Source: p.source, Target: target, ReadOnly: readOnly}
	if p.kind == mount.TypeVolume {
		m.VolumeOptions = &mount.VolumeOptions{NoCopy: true}
	}
	return m
}

// requested is what a request mounts at a directory.
func requested(host *container.HostConfig, target string) place {
	for _, m := range host.Mounts {
		if path.Clean(m.Target) != target {
			continue
		}
		if m.VolumeOptions != nil && m.VolumeOptions.Subpath != "" {
			return place{}
		}
		return newPlace(m.Type, m.Source)
	}
	for _, bind := range host.Binds {
		switch source, destination := splitBind(bind); {
		case destination != target:
		case path.IsAbs(source):
			return newPlace(mount.TypeBind, source)
		default:
			return newPlace(mount.TypeVolume, source)
		}
	}
	return place{}
}

// splitBind reads "source:destination:mode", as a request names what it binds.
func splitBind(bind string) (source, destination string) {
	source, rest, _ := strings.Cut(bind, ":")
	destination, _, _ = strings.Cut(rest, ":")
	return source, path.Clean(destination)
}

// inspected is what a container has mounted at a directory.
func inspected(c container.InspectResponse, target string) place {
	for _, m := range c.Mounts {
		if path.Clean(m.Destination) == target {
			if m.Type == mount.TypeVolume {
				return newPlace(m.Type, m.Name)
			}
			return newPlace(m.Type, m.Source)
		}
	}
	return place{}
}

// mountedBy lists what the running containers of a service have mounted at a
// directory.
func (w *Workbench) mountedBy(ctx context.Context, serviceName, target string) ([]place, error) {
	if target == "" {
		return nil, nil
	}
	own, err := w.engine.list(ctx, w.project.Name)
	if err != nil {
		return nil, err
	}
	var places []place
	for _, c := range own {
		if c.Labels[labelService] != serviceName || c.State != container.StateRunning {
			continue
		}
		found, err := w.engine.inspect(ctx, c.ID)
		if errors.Is(err, update.ErrNoContainer) {
			continue
		}
		if err != nil {
			return nil, err
		}
		places = append(places, inspected(found, path.Clean(target)))
	}
	return places, nil
}

// standBeside gives the container a fresh volume where its service has what is
// being served. Nothing of the image gets into it, and it goes away with the
// container. Where nothing that runs has the same, the request stays as it is.
func (r *createRequest) standBeside(config *container.Config, host *container.HostConfig) {
	if r.spec.Beside == "" {
		return
	}
	target := path.Clean(r.spec.Beside)
	there := requested(host, target)
	if there.source == "" || !slices.Contains(r.running, there) {
		return
	}
	host.Binds = slices.DeleteFunc(slices.Clone(host.Binds), func(bind string) bool {
		_, destination := splitBind(bind)
		return destination == target
	})
	host.Mounts = slices.DeleteFunc(slices.Clone(host.Mounts), func(m mount.Mount) bool { return path.Clean(m.Target) == target })
	host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
	volumes := map[string]struct{}{}
	for declared := range config.Volumes {
		if path.Clean(declared) != target {
			volumes[declared] = struct{}{}
		}
	}
	config.Volumes = volumes
	config.Labels[LabelBeside], config.Labels[LabelInstead] = target, there.String()
}
