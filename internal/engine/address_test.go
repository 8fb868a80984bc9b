package engine

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// runningClient knows one running container in a network that it cannot tell
// anything about.
type runningClient struct {
	client.APIClient
	name string
}

func (c runningClient) ContainerInspect(context.Context, string, client.ContainerInspectOptions) (client.ContainerInspectResult, error) {
	return client.ContainerInspectResult{Container: container.InspectResponse{
		ID: "abc", Name: "/" + c.name, Config: &container.Config{}, State: &container.State{Running: true},
		HostConfig: &container.HostConfig{NetworkMode: "shop_default"},
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
			"shop_default": {NetworkID: "net", IPAddress: netip.MustParseAddr("10.0.0.2")}}},
	}}, nil
}

func (c runningClient) NetworkInspect(context.Context, string, client.NetworkInspectOptions) (client.NetworkInspectResult, error) {
	return client.NetworkInspectResult{}, errors.New("the engine is busy")
}

func (c runningClient) ContainerCreate(context.Context, client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	return client.ContainerCreateResult{}, conflict{}
}

type conflict struct{}

func (conflict) Error() string { return "the name is in use" }
func (conflict) Conflict()     {}

// A container is never reported as one without an address because the engine
// did not answer.
func TestAddressOfABusyEngine(t *testing.T) {
	e := &Engine{client: runningClient{name: "shop-api-1"}}
	if c, err := e.Inspect(t.Context(), "shop-api-1"); err == nil {
		t.Errorf("no error, addresses %v", c.Addresses)
	}
}

// A name that somebody else took meanwhile is fenced by that container.
func TestFenceOfATakenName(t *testing.T) {
	w := &Workbench{engine: &Engine{client: runningClient{name: "shop-api-1"}}}
	if err := w.Fence(t.Context(), "shop-api-1", "run1"); err != nil {
		t.Error(err)
	}
}
