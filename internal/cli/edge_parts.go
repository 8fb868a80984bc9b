package cli

import (
	"context"
	"net/http"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
)

// socketDirectory is always mounted into the edge, for sockets that an
// existing front connects to.
const socketDirectory = "/run/gapless"

// installEdge makes sure that the edge of this host runs.
func (s *session) installEdge(ctx context.Context, socketDirectories []string) error {
	directory, err := edgeDirectory()
	if err != nil {
		return err
	}
	client := edgectl.New(directory)
	if _, err := client.Health(ctx); err == nil {
		return nil // both were installed together
	}
	_, err = edgectl.Install(ctx, containerHost{s.engine}, edgectl.Installation{
		StateDirectory: directory, SocketDirectories: append([]string{socketDirectory}, socketDirectories...),
	})
	if err != nil {
		return err
	}
	return s.installFollower(ctx, directory)
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
