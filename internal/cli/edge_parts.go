package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
)

// socketDirectory is always mounted into the edge, for sockets that an
// existing front connects to.
const socketDirectory = "/run/gapless"

// installEdge makes sure that the edge of this host runs, and its follower.
func (s *session) installEdge(ctx context.Context, socketDirectories []string) error {
	directory, err := edgeDirectory()
	if err != nil {
		return err
	}
	if err := s.checkSockets(ctx, directory, socketDirectories); err != nil {
		return err
	}
	client := edgectl.New(directory)
	if _, err := client.Health(ctx); err != nil {
		_, err = edgectl.Install(ctx, containerHost{s.engine}, edgectl.Installation{
			StateDirectory: directory, SocketDirectories: append([]string{socketDirectory}, socketDirectories...),
		})
		if err != nil {
			return err
		}
	}
	// Also where the edge runs: whoever installed it may have died in between.
	return s.installFollower(ctx, directory)
}

// checkSockets refuses sockets in a directory that the running edge does not
// see. It cannot be given one without a restart, which would cost connections.
func (s *session) checkSockets(ctx context.Context, edgeDirectory string, wanted []string) error {
	if len(wanted) == 0 {
		return nil
	}
	mounted, runs, err := s.engine.Mounted(ctx, edgectl.ContainerName(edgeDirectory))
	if err != nil || !runs {
		return err
	}
	for _, directory := range wanted {
		if !isBelow(directory, mounted) {
			return refuse(fmt.Errorf("the running edge does not see %s, where a socket is wanted", directory),
				"gapless edge stop, then gapless update: no application is reachable through the edge in between")
		}
	}
	return nil
}

// isBelow tells whether a path is one of the directories or lies in one.
func isBelow(path string, directories []string) bool {
	return slices.ContainsFunc(directories, func(directory string) bool {
		relative, err := filepath.Rel(directory, path)
		return err == nil && filepath.IsLocal(relative)
	})
}

// syncEdge gives the edge the addresses of the project again, if it waits for
// them after a restart of the host: the first route of a run would make all
// others count as right.
func (s *session) syncEdge(ctx context.Context) error {
	health, err := s.edge.Health(ctx)
	if errors.Is(err, edgectl.ErrNotRunning) || err == nil && !slices.Contains(health.Unverified, s.project.Name) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask the edge: %w", err)
	}
	if _, err := edgectl.Sync(ctx, s.edge, s.project.Name, addressOf(s.engine)); err != nil && !errors.Is(err, edgectl.ErrUnknown) {
		return fmt.Errorf("tell the edge where the containers are: %w", err)
	}
	return nil
}

// probe sends a request to one container through the edge.
func (s *session) probe(ctx context.Context, serviceName, containerName string, request *http.Request) (*http.Response, error) {
	return s.edge.Probe(s.project.Name, serviceName, containerName).RoundTrip(request.WithContext(ctx))
}

// containerHost lets the edge be installed by the engine.
type containerHost struct{ *engine.Engine }

// EnsureContainer implements edgectl.ContainerHost.
func (h containerHost) EnsureContainer(ctx context.Context, spec edgectl.HostContainer) (bool, error) {
	return h.Engine.EnsureContainer(ctx, engine.HostContainer(spec))
}
