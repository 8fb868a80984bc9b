package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// Facts is what doctor wants to know about an engine.
type Facts struct {
	Host          string
	Version       string // of the engine
	APIVersion    string // that is spoken with it
	System        string // operating system of the host
	RootDirectory string // where images and volumes lie
	StorageDriver string
	Containerd    bool // images lie where containerd keeps its data
	CgroupVersion string
	LiveRestore   bool // containers survive a crash of the engine
	Rootless      bool
	Swarm         bool
	Local         bool
}

// quickWait bounds a request that the engine answers from memory. It can stand
// behind what else is done with a container meanwhile, such as taking its network
// down, which takes seconds on a busy host.
const quickWait = time.Minute

// Facts asks the engine about itself.
func (e *Engine) Facts(ctx context.Context) (Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	answer, err := e.client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Facts{}, err
	}
	about := answer.Info
	rootless := slices.ContainsFunc(about.SecurityOptions, func(option string) bool {
		return strings.Contains(option, "name=rootless")
	})
	return Facts{
		Host:          e.host,
		Version:       about.ServerVersion,
		APIVersion:    e.client.ClientVersion(),
		System:        about.OperatingSystem,
		RootDirectory: about.DockerRootDir,
		StorageDriver: about.Driver,
		Containerd:    slices.Contains(about.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"}),
		CgroupVersion: about.CgroupVersion,
		LiveRestore:   about.LiveRestoreEnabled,
		Rootless:      rootless,
		Swarm:         about.Swarm.LocalNodeState == swarm.LocalNodeStateActive,
		Local:         isLocal(e.host),
	}, nil
}

// RequireLocal refuses an engine on another host, with a *ConnectError: the
// lock of an update holds only on the host where it is taken.
func (e *Engine) RequireLocal() error {
	if !isLocal(e.host) {
		return &ConnectError{Trouble: TroubleRemote, Host: e.host}
	}
	return nil
}

// RequireUpdatable refuses an engine on which an update cannot keep its
// promise, with a *ConnectError.
func (e *Engine) RequireUpdatable(ctx context.Context) error {
	if err := e.RequireLocal(); err != nil {
		return err
	}
	facts, err := e.Facts(ctx)
	if err != nil {
		return err
	}
	switch {
	case facts.Rootless:
		return &ConnectError{Trouble: TroubleRootless, Host: e.host}
	case facts.Swarm:
		return &ConnectError{Trouble: TroubleSwarm, Host: e.host}
	}
	return nil
}
