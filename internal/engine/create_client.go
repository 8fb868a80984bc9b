package engine

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/docker/compose/v5/pkg/api"
)

// createClient is the engine as the Compose SDK sees it during the creation
// of one container. It shows a world in which exactly that container is
// missing, adapts the request for it, and refuses whatever would change
// anything that exists.
type createClient struct {
	client.APIClient
	request     *createRequest
	projectName string
	fixedName   bool // the service has a container_name
	composeName string
	created     atomic.Pointer[string] // ID of the container that was made
}

// ContainerList hides the containers of the service and shows a predecessor
// instead, from whose number the SDK counts on to the planned one.
func (c *createClient) ContainerList(ctx context.Context, options client.ContainerListOptions) (client.ContainerListResult, error) {
	list, err := c.APIClient.ContainerList(ctx, options)
	if err != nil || !isProjectListing(options.Filters, c.projectName) {
		return list, err
	}
	list.Items = c.preferOwn(list.Items)
	if !c.fixedName {
		list.Items = append(list.Items, c.predecessor())
	}
	return list, nil
}

// isProjectListing recognizes the listing by which the SDK takes stock.
func isProjectListing(filters client.Filters, projectName string) bool {
	labels := filters["label"]
	return len(labels) == 2 && labels[labelProject+"="+projectName] && labels[labelConfigHash]
}

// preferOwn leaves out the containers of the service and, of services that
// this update has replaced already, the old ones: a shared namespace must be
// that of the new container.
func (c *createClient) preferOwn(items []container.Summary) []container.Summary {
	replaced := map[string]bool{}
	for _, item := range items {
		if item.Labels[LabelRun] == c.request.spec.Run && item.Labels[labelOneOff] != "True" {
			replaced[item.Labels[labelService]] = true
		}
	}
	var shown []container.Summary
	for _, item := range items {
		serviceName := item.Labels[labelService]
		if serviceName == c.request.spec.Service || replaced[serviceName] && item.Labels[LabelRun] != c.request.spec.Run {
			continue
		}
		shown = append(shown, item)
	}
	return shown
}

// predecessor is a running container that does not exist, numbered one lower
// than the planned one. While it runs, the SDK prepares no pre_start hooks.
func (c *createClient) predecessor() container.Summary {
	number := strconv.Itoa(c.request.spec.Number - 1)
	return container.Summary{
		ID:    "gapless-predecessor",
		Names: []string{"/" + c.projectName + api.Separator + c.request.spec.Service + api.Separator + number},
		State: container.StateRunning,
		Labels: map[string]string{
			labelProject:    c.projectName,
			labelService:    c.request.spec.Service,
			labelNumber:     number,
			labelOneOff:     "False",
			labelConfigHash: "predecessor",
		},
	}
}

// ContainerCreate adapts the request.
func (c *createClient) ContainerCreate(ctx context.Context, options client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	if options.Config == nil || options.Config.Labels[labelService] != c.request.spec.Service || options.Config.Labels[labelHook] != "" {
		return client.ContainerCreateResult{}, refuse("create container " + options.Name)
	}
	c.composeName = options.Name
	c.request.apply(&options)
	result, err := c.APIClient.ContainerCreate(ctx, options)
	if err == nil {
		c.created.Store(&result.ID)
	}
	return result, err
}

// NetworkConnect corrects the alias in further networks, which older engines
// take one by one.
func (c *createClient) NetworkConnect(ctx context.Context, name string, options client.NetworkConnectOptions) (client.NetworkConnectResult, error) {
	if !c.isCreated(options.Container) {
		return client.NetworkConnectResult{}, refuse("connect a container to network " + name)
	}
	if c.request.spec.Network != "" {
		return client.NetworkConnectResult{}, nil // it has the one of its trial alone
	}
	if options.EndpointConfig != nil {
		c.request.adaptEndpoint(options.EndpointConfig, c.composeName)
	}
	return c.APIClient.NetworkConnect(ctx, name, options)
}

// ContainerRemove lets the SDK take back what it has just made.
func (c *createClient) ContainerRemove(ctx context.Context, id string, options client.ContainerRemoveOptions) (client.ContainerRemoveResult, error) {
	if !c.isCreated(id) {
		return client.ContainerRemoveResult{}, refuse("remove container " + id)
	}
	return c.APIClient.ContainerRemove(ctx, id, options)
}

func (c *createClient) isCreated(id string) bool {
	created := c.created.Load()
	return created != nil && *created == id
}

// RefusedError says that creating a container would have changed something
// that exists.
type RefusedError struct{ Act string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("creating a container would %s, which an update does not do", e.Act)
}

// Hint tells what to do about it.
func (e *RefusedError) Hint() string {
	return "a network or volume was probably changed in the compose file: apply it with docker compose up, which interrupts the service"
}

func refuse(act string) error { return &RefusedError{Act: act} }
