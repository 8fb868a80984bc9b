package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// errOneOffMade ends the compose library's run once the container is there.
// It would go on to start it, to wait for it and to take over the signals of
// this process.
var errOneOffMade = errors.New("the one-off container is made")

// createOneOff makes the container of docker compose run --no-deps, by the
// same code, and neither starts nor removes it.
func (w *Workbench) createOneOff(ctx context.Context, spec update.CreateSpec, service types.ServiceConfig) error {
	if spec.Network != "" {
		if err := refuseSockets(service); err != nil {
			return err
		}
	}
	request, err := w.createRequest(ctx, spec, service)
	if err != nil {
		return err
	}
	narrowed, err := w.project.WithSelectedServices([]string{service.Name}, types.IgnoreDependencies)
	if err != nil {
		return err
	}
	narrowed = narrowed.WithoutUnnecessaryResources()
	one := narrowed.Services[service.Name]
	one.Ports = []types.ServicePortConfig{}
	one.PullPolicy = types.PullPolicyNever
	narrowed.Services[service.Name] = one
	guarded := &createClient{APIClient: w.engine.client, request: request, projectName: w.project.Name, fixedName: true}
	sdk, err := w.engine.sdk(guarded)
	if err != nil {
		return err
	}
	// Two creations at once would both make a network that is missing.
	w.creating.Lock()
	_, err = sdk.RunOneOffContainer(ctx, narrowed, api.RunOptions{
		CreateOptions: api.CreateOptions{IgnoreOrphans: true, SkipProviders: true},
		Service:       spec.Service,
		Name:          spec.Name,
		Command:       spec.Command,
		NoDeps:        true,
		Detach:        true,
	})
	w.creating.Unlock()
	id := guarded.created.Load()
	if errors.Is(err, errOneOffMade) && id != nil {
		err = nil
	} else if err == nil {
		err = fmt.Errorf("the compose library made no container for a one-off of service %s", spec.Service)
	}
	w.noteAnswer(spec, err)
	if err != nil {
		return createError(request.reference, err)
	}
	return w.injectFiles(ctx, service, *id)
}

// ContainerInspect tells the library nothing about a one-off that is made.
func (c *createClient) ContainerInspect(ctx context.Context, id string, options client.ContainerInspectOptions) (client.ContainerInspectResult, error) {
	if c.request.isOneOff() && c.isCreated(id) {
		return client.ContainerInspectResult{}, errOneOffMade
	}
	return c.APIClient.ContainerInspect(ctx, id, options)
}

// ImageInspect shows the wanted image where the library looks for what the
// reference of the service names.
func (c *createClient) ImageInspect(ctx context.Context, reference string, options ...client.ImageInspectOption) (client.ImageInspectResult, error) {
	if c.request.spec.ImageID != "" && reference == c.request.reference {
		reference = c.request.spec.ImageID
	}
	return c.APIClient.ImageInspect(ctx, reference, options...)
}

// isOneOff tells whether the container is none of the service's own.
func (r *createRequest) isOneOff() bool { return len(r.spec.Command) > 0 }

// isOwnOneOff tells whether an update made a container for one command. Nobody
// wants its anonymous volumes back.
func isOwnOneOff(labels map[string]string) bool {
	return labels[labelOneOff] == "True" && labels[LabelRun] != ""
}

// slug identifies a one-off as docker compose does, the same in each attempt.
func slug(spec update.CreateSpec) string {
	sum := sha256.Sum256([]byte(spec.Run + "\x00" + spec.Name))
	return hex.EncodeToString(sum[:])
}

// freeAddress drops the fixed addresses of a service, which its container has
// while a one-off runs beside it.
func freeAddress(endpoint *network.EndpointSettings) {
	endpoint.IPAMConfig, endpoint.MacAddress = nil, nil
}
