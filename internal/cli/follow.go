package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
)

// followCommand keeps the edge's addresses right after a restart of the host,
// of the engine or of a container. It runs in a container of its own, because
// the edge has no way to the engine, and shall have none.
func (a *app) followCommand() *cobra.Command {
	var directory string
	c := &cobra.Command{
		Use:   "follow",
		Short: "Tell the edge where containers are whenever they move; runs beside the edge by itself",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if directory == "" {
				var err error
				if directory, err = edgeDirectory(); err != nil {
					return err
				}
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.follow(ctx, directory)
		},
	}
	c.Flags().StringVar(&directory, "edge-dir", "", "directory of the edge's sockets")
	return c
}

// followRetry is the pause before the engine is tried again.
const followRetry = time.Second

// follow works until it is told to stop; an engine that is down is waited for.
func (a *app) follow(ctx context.Context, directory string) error {
	report := func(err error) { fmt.Fprintln(a.err, time.Now().UTC().Format(time.RFC3339), err) }
	for {
		err := a.followEngine(ctx, directory, report)
		if ctx.Err() != nil {
			return nil
		}
		report(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followRetry):
		}
	}
}

// followEngine works as long as the engine answers.
func (a *app) followEngine(ctx context.Context, directory string, report func(error)) error {
	e, err := engine.Connect(ctx, engine.Options{Host: a.flags.host, Context: a.flags.dockerContext})
	if err != nil {
		return err
	}
	defer e.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	changed := make(chan struct{}, 1)
	go func() {
		cancel(e.Happenings(ctx, "", func(h engine.Happening) error {
			if h.Action == "start" || h.Action == "die" {
				select {
				case changed <- struct{}{}:
				default: // a look is due already
				}
			}
			return nil
		}))
	}()
	err = edgectl.Follow(ctx, edgectl.New(directory), addressOf(e), changed, report)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// followerName is the container of the follower of one edge.
func followerName(edgeDirectory string) string {
	return strings.Replace(edgectl.ContainerName(edgeDirectory), edgectl.BinaryName, "gapless-follow", 1)
}

// installFollower makes sure that the follower runs. It listens to nobody: it
// has no network, only the engine's socket and the edge's.
func (s *session) installFollower(ctx context.Context, edgeDirectory string) error {
	socket, isUnix := strings.CutPrefix(s.engine.Host(), "unix://")
	if !isUnix {
		return nil
	}
	if s.followerFits(ctx, edgeDirectory) {
		return nil
	}
	image, err := ownImage(ctx, s.engine)
	if err != nil {
		return fmt.Errorf("image of the follower: %w", err)
	}
	_, err = s.engine.EnsureContainer(ctx, engine.HostContainer{
		Name: followerName(edgeDirectory), Image: image,
		Command:     []string{programInImage, "--host", s.engine.Host(), "edge", "follow", "--edge-dir", edgeDirectory},
		NetworkMode: "none", Restart: "always", ReadOnlyRoot: true, DropCapabilities: []string{"ALL"},
		SecurityOptions: []string{"no-new-privileges"},
		// The directory and not the socket itself: an engine that starts again
		// makes a new socket.
		Mounts:      []string{filepath.Dir(socket), edgeDirectory},
		Labels:      map[string]string{"gapless.edge": edgeDirectory},
		StopTimeout: time.Second,
	})
	return err
}

// followerFits tells whether a follower runs that was made after this program
// was installed. It spares reading the whole program at every update.
func (s *session) followerFits(ctx context.Context, edgeDirectory string) bool {
	c, err := s.engine.Inspect(ctx, followerName(edgeDirectory))
	if err != nil || !c.Running {
		return false
	}
	path, err := os.Executable()
	if err != nil {
		return false
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return false
	}
	// The change of the inode: a package keeps the time when it was built.
	return time.Unix(stat.Ctim.Unix()).Before(c.Created)
}
