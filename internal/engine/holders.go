package engine

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// Holder is a container that has a volume or a directory of the host mounted.
type Holder struct {
	Name    string
	Service string // empty: it is no container of a service of this project
	Restart string
	Running bool // or about to
	Started time.Time
	Target  string // where it has it
	// Writable says that it can change what is there.
	Writable bool
}

// Holders lists the containers that have a volume mounted, or a directory of the
// host: that one, one above it or one below. Attached ones are left out, which are
// ours.
func (w *Workbench) Holders(ctx context.Context, volume, directory string) ([]Holder, error) {
	all, err := w.engine.listAll(ctx)
	if err != nil {
		return nil, err
	}
	var holders []Holder
	for _, c := range all {
		if c.Labels[LabelRole] == RoleBackup || c.Labels[LabelRole] == RoleTombstone {
			continue
		}
		found, err := w.engine.inspect(ctx, c.ID)
		if errors.Is(err, update.ErrNoContainer) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m, has := holds(found, volume, directory)
		if !has {
			continue
		}
		holder := Holder{Name: strings.TrimPrefix(found.Name, "/"), Target: m.Destination, Writable: m.RW, Running: found.State.Running || found.State.Restarting}
		holder.Started, _ = time.Parse(time.RFC3339Nano, found.State.StartedAt)
		if c.Labels[labelProject] == w.project.Name && c.Labels[labelOneOff] != "True" { // what runs once is not started again
			holder.Service = c.Labels[labelService]
		}
		if found.HostConfig != nil {
			holder.Restart = restartText(found.HostConfig.RestartPolicy)
		}
		holders = append(holders, holder)
	}
	return holders, nil
}

// holds tells how a container has the volume or the directory.
func holds(c container.InspectResponse, volume, directory string) (found container.MountPoint, has bool) {
	for _, m := range c.Mounts {
		switch {
		case m.Type == mount.TypeVolume && volume != "" && m.Name == volume:
			return m, true
		case m.Type == mount.TypeBind && directory != "" && (isBelow(directory, m.Source) || isBelow(m.Source, directory)):
			return m, true
		}
	}
	return found, false
}

// HasVolume tells whether a volume is there.
func (e *Engine) HasVolume(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err := e.client.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// MountOf is what a container has mounted where a directory lies: a volume or a
// directory of the host, and the rest of the way below it. Neither: the directory
// is in the container itself.
func (w *Workbench) MountOf(ctx context.Context, id, directory string) (volume, source, rest string, err error) {
	found, err := w.engine.inspect(ctx, id)
	if err != nil {
		return "", "", "", err
	}
	longest := -1
	for _, m := range found.Mounts {
		at := path.Clean(m.Destination)
		if !isBelow(at, directory) || len(at) <= longest {
			continue
		}
		longest, rest = len(at), strings.Trim(strings.TrimPrefix(path.Clean(directory), at), "/")
		volume, source = "", ""
		switch m.Type {
		case mount.TypeVolume:
			volume = m.Name
		case mount.TypeBind:
			source = m.Source
		}
	}
	return volume, source, rest, nil
}
