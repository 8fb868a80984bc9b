package edgectl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gapless/internal/edge/wire"
)

// DefaultStateDirectory is the edge's home on a host.
const DefaultStateDirectory = "/var/lib/gapless/edge"

// ContainerHost is what installing needs of a container engine.
type ContainerHost interface {
	// EnsureImage makes an image from scratch that holds only the program at
	// "/gapless-edge", under the given reference, unless it exists already.
	EnsureImage(ctx context.Context, reference, binaryPath string) (imageID string, err error)
	// EnsureContainer makes the container exist as described and run. A container with
	// the same name that differs is replaced; started tells whether it was (re)started.
	EnsureContainer(ctx context.Context, spec HostContainer) (started bool, err error)
	// RemoveContainer stops it, waiting spec.StopTimeout, and removes it; a container
	// that does not exist is no error.
	RemoveContainer(ctx context.Context, name string) error
}

// HostContainer describes the container that the edge runs in: network_mode host,
// restart always, read-only root, all capabilities dropped but the listed ones.
type HostContainer struct {
	Name         string
	Image        string
	Command      []string
	NetworkMode  string
	Restart      string
	ReadOnlyRoot bool
	DropCapabilities,
	AddCapabilities []string
	SecurityOptions []string
	// Mounts are host directories, mounted read-write at the same path.
	Mounts      []string
	Labels      map[string]string
	StopTimeout time.Duration
	// OpenFiles is the limit of descriptors; 0 is the engine's, which the edge raises
	// to the hard one by itself.
	OpenFiles int
}

// Installation is where and how an edge runs.
type Installation struct {
	// StateDirectory is the edge's home; empty means DefaultStateDirectory.
	StateDirectory string
	// SocketDirectories are mounted too, for listeners on unix sockets.
	SocketDirectories []string
	// BinaryPath overrides the search for the program.
	BinaryPath string
}

// Bounds of installing.
const (
	startMaxWait = time.Minute // on a host that has much else to do
	startPoll    = 20 * time.Millisecond
	drainTime    = 30 * time.Second
	stopGrace    = 10 * time.Second
)

// ContainerName is the edge's container for a state directory: one per host, unless a
// state directory of its own asks for another one.
func ContainerName(stateDirectory string) string {
	if filepath.Clean(stateDirectory) == DefaultStateDirectory {
		return BinaryName
	}
	sum := sha256.Sum256([]byte(filepath.Clean(stateDirectory)))
	return BinaryName + "-" + hex.EncodeToString(sum[:4])
}

// Install makes sure that an edge serves the state directory and returns its health.
// One that runs already keeps running when it speaks this protocol version, whatever
// its own version: replacing it would cost connections.
func Install(ctx context.Context, host ContainerHost, wanted Installation) (wire.Health, error) {
	if wanted.StateDirectory == "" {
		wanted.StateDirectory = DefaultStateDirectory
	}
	client := New(wanted.StateDirectory)
	health, err := client.Health(ctx)
	switch {
	case err == nil && health.WireVersion == wire.Version:
		return health, nil
	case err == nil:
		return health, fmt.Errorf("%w: %d, wanted %d", ErrIncompatible, health.WireVersion, wire.Version)
	case !errors.Is(err, ErrNotRunning):
		return health, err
	}
	spec, err := prepare(ctx, host, wanted)
	if err != nil {
		return wire.Health{}, err
	}
	if _, err := host.EnsureContainer(ctx, spec); err != nil {
		return wire.Health{}, fmt.Errorf("start the edge: %w", err)
	}
	return client.awaitHealth(ctx)
}

// prepare makes the directories and the image.
func prepare(ctx context.Context, host ContainerHost, wanted Installation) (HostContainer, error) {
	if err := os.MkdirAll(wanted.StateDirectory, 0o700); err != nil {
		return HostContainer{}, fmt.Errorf("state directory: %w", err)
	}
	for _, directory := range wanted.SocketDirectories {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return HostContainer{}, fmt.Errorf("socket directory: %w", err)
		}
	}
	program := wanted.BinaryPath
	if program == "" {
		var err error
		if program, err = Binary(wanted.StateDirectory); err != nil {
			return HostContainer{}, err
		}
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return HostContainer{}, fmt.Errorf("the edge's program: %w", err)
	}
	sum := sha256.Sum256(content)
	image, err := host.EnsureImage(ctx, BinaryName+":"+hex.EncodeToString(sum[:6]), program)
	if err != nil {
		return HostContainer{}, fmt.Errorf("image of the edge: %w", err)
	}
	return Describe(wanted, image), nil
}

// Describe returns the container that an installation needs.
func Describe(wanted Installation, image string) HostContainer {
	mounts := append([]string{wanted.StateDirectory}, wanted.SocketDirectories...)
	slices.Sort(mounts)
	return HostContainer{
		Name:             ContainerName(wanted.StateDirectory),
		Image:            image,
		Command:          []string{"/" + BinaryName, "run", "--state-dir", wanted.StateDirectory, "--drain", drainTime.String(), "--await-addresses"},
		NetworkMode:      "host",
		Restart:          "always",
		ReadOnlyRoot:     true,
		DropCapabilities: []string{"ALL"},
		AddCapabilities:  []string{"NET_BIND_SERVICE"},
		SecurityOptions:  []string{"no-new-privileges"},
		Mounts:           slices.Compact(mounts),
		Labels:           map[string]string{"gapless.edge": wanted.StateDirectory},
		StopTimeout:      drainTime + stopGrace,
	}
}

// Uninstall removes the edge's container; the state directory stays.
func Uninstall(ctx context.Context, host ContainerHost, stateDirectory string) error {
	return host.RemoveContainer(ctx, ContainerName(stateDirectory))
}

func (c *Client) awaitHealth(ctx context.Context) (wire.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, startMaxWait)
	defer cancel()
	for {
		health, err := c.Health(ctx)
		if err == nil {
			return health, nil
		}
		select {
		case <-ctx.Done():
			return health, fmt.Errorf("the edge was started and does not answer: %w", err)
		case <-time.After(startPoll):
		}
	}
}
