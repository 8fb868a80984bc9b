package engine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// isolate takes from the container of a trial whatever it could reach of the
// application: it has one network, empty volumes, and the files of the host for
// reading.
func (r *createRequest) isolate(options *client.ContainerCreateOptions, host *container.HostConfig) {
	host.NetworkMode = container.NetworkMode(r.spec.Network)
	options.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{r.spec.Network: {}}}
	host.Links, host.VolumesFrom, host.PortBindings, host.PublishAllPorts = nil, nil, nil, false
	host.Privileged, host.PidMode, host.IpcMode = false, "", ""
	host.CPUShares = lightShares
	var binds []string
	mounts := []mount.Mount{}
	for _, bind := range host.Binds {
		parts := strings.Split(bind, ":")
		switch {
		case len(parts) < 2:
		case filepath.IsAbs(parts[0]):
			binds = append(binds, parts[0]+":"+parts[1]+":ro")
		default:
			mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Target: parts[1]})
		}
	}
	for _, m := range host.Mounts {
		switch m.Type {
		case mount.TypeVolume:
			m = mount.Mount{Type: mount.TypeVolume, Target: m.Target}
		case mount.TypeBind:
			m.ReadOnly = true
		}
		mounts = append(mounts, m)
	}
	host.Binds, host.Mounts = binds, mounts
}

// How far a directory of the host is looked through for sockets.
const (
	socketDepth   = 2
	socketEntries = 20_000
)

// refuseSockets refuses the trial of a service that has a socket of the host
// mounted: through it the real database can be reached, or the engine.
func refuseSockets(service types.ServiceConfig) error {
	for _, volume := range service.Volumes {
		if volume.Type != types.VolumeTypeBind {
			continue
		}
		if socket := findSocket(volume.Source); socket != "" {
			return fmt.Errorf("it reaches a socket of the host through %s (%s)", volume.Target, socket)
		}
	}
	return nil
}

// findSocket is the path of a socket in a directory; empty if there is none.
func findSocket(root string) (found string) {
	stat, err := os.Stat(root)
	if err != nil {
		return ""
	}
	if stat.Mode()&os.ModeSocket != 0 {
		return root
	}
	left := socketEntries
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read has no say
		}
		if entry.Type()&os.ModeSocket != 0 {
			found = path
			return fs.SkipAll
		}
		if left--; left <= 0 {
			return fs.SkipAll
		}
		relative, err := filepath.Rel(root, path)
		if err == nil && entry.IsDir() && strings.Count(relative, string(filepath.Separator)) >= socketDepth {
			return fs.SkipDir
		}
		return nil
	})
	return found
}
