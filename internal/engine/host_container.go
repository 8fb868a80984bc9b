package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// HostContainer describes a container that serves all projects of the host,
// as the edge does.
type HostContainer struct {
	Name             string
	Image            string
	Command          []string
	NetworkMode      string
	Restart          string
	ReadOnlyRoot     bool
	DropCapabilities []string
	AddCapabilities  []string
	SecurityOptions  []string
	Mounts           []string // host directories, mounted writable at the same path
	Labels           map[string]string
	StopTimeout      time.Duration // between its stop signal and SIGKILL
	OpenFiles        int           // limit of descriptors; 0: that of the engine
}

// EnsureContainer makes the container exist as described and run. One of the
// same name that differs is replaced; started tells whether it was started.
func (e *Engine) EnsureContainer(ctx context.Context, spec HostContainer) (started bool, err error) {
	found, err := e.inspect(ctx, spec.Name)
	missing := errors.Is(err, update.ErrNoContainer)
	if err != nil && !missing {
		return false, err
	}
	hash := spec.hash()
	if !missing && found.Config.Labels[LabelRole] != RoleHost {
		return false, &ForeignContainerError{Name: spec.Name, ID: found.ID, Origin: origin(found.Config.Labels)}
	}
	if !missing && found.Config.Labels[LabelSpec] == hash {
		if found.State.Running {
			return false, nil
		}
		return true, e.Start(ctx, found.ID)
	}
	if !missing {
		if err := e.RemoveContainer(ctx, spec.Name); err != nil {
			return false, err
		}
	}
	options, err := spec.options(hash)
	if err != nil {
		return false, err
	}
	created, err := e.client.ContainerCreate(ctx, options)
	if err != nil {
		return false, fmt.Errorf("create %s: %w", spec.Name, err)
	}
	if !missing {
		e.dropProgram(ctx, found.Image)
	}
	return true, e.Start(ctx, created.ID)
}

// Mounted lists the host directories that a running container sees; ok is
// false if none of that name runs.
func (e *Engine) Mounted(ctx context.Context, name string) (directories []string, ok bool, err error) {
	found, err := e.inspect(ctx, name)
	if errors.Is(err, update.ErrNoContainer) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for _, mount := range found.Mounts {
		directories = append(directories, mount.Source)
	}
	return directories, found.State != nil && found.State.Running, nil
}

// hash identifies the description.
func (c HostContainer) hash() string {
	encoded, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings, numbers and maps of strings always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// options is the request for the container.
func (c HostContainer) options(hash string) (client.ContainerCreateOptions, error) {
	restart, err := parseRestart(c.Restart)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	labels := map[string]string{LabelRole: RoleHost, LabelSpec: hash, LabelTool: toolName()}
	maps.Copy(labels, c.Labels)
	seconds := int(math.Ceil(c.StopTimeout.Seconds()))
	host := &container.HostConfig{
		NetworkMode:    container.NetworkMode(c.NetworkMode),
		RestartPolicy:  restart,
		ReadonlyRootfs: c.ReadOnlyRoot,
		CapDrop:        c.DropCapabilities,
		CapAdd:         c.AddCapabilities,
		SecurityOpt:    c.SecurityOptions,
		LogConfig:      container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m", "max-file": "3"}},
	}
	for _, directory := range c.Mounts {
		host.Binds = append(host.Binds, directory+":"+directory)
	}
	if c.OpenFiles > 0 {
		limit := int64(c.OpenFiles)
		host.Ulimits = []*units.Ulimit{{Name: "nofile", Soft: limit, Hard: limit}}
	}
	return client.ContainerCreateOptions{
		Name:       c.Name,
		Config:     &container.Config{Image: c.Image, Cmd: c.Command, Labels: labels, StopTimeout: &seconds},
		HostConfig: host,
	}, nil
}

// defaultStopTimeout is that of the engine for containers without their own.
const defaultStopTimeout = 10 * time.Second

// RemoveContainer stops a host container, waiting for its own time, and
// removes it. None of that name is no error, one of anybody else is.
func (e *Engine) RemoveContainer(ctx context.Context, name string) error {
	found, err := e.inspect(ctx, name)
	if errors.Is(err, update.ErrNoContainer) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.Config.Labels[LabelRole] != RoleHost {
		return &ForeignContainerError{Name: name, ID: found.ID, Origin: origin(found.Config.Labels)}
	}
	patience := defaultStopTimeout
	if found.Config.StopTimeout != nil {
		patience = time.Duration(*found.Config.StopTimeout) * time.Second
	}
	if err := e.stop(ctx, found.ID, patience); err != nil {
		return err
	}
	return e.remove(ctx, found.ID, false)
}

// stop sends SIGTERM and polls, because a stop request would go on in the
// daemon if this process died.
func (e *Engine) stop(ctx context.Context, id string, patience time.Duration) error {
	if err := e.kill(ctx, id, unix.SIGTERM); err != nil {
		return err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c, err := e.inspect(ctx, id)
		if errors.Is(err, update.ErrNoContainer) || err == nil && !c.State.Running && !c.State.Restarting {
			return nil
		}
		if err != nil {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
	return nil
}
