package engine

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// addresses lists the IPs under which the host reaches a container, those of
// its main network first. An engine that does not answer is an error: a
// container without an address counts as one that cannot be reached, and
// loses its requests.
func (e *Engine) addresses(ctx context.Context, c container.InspectResponse) ([]string, error) {
	if c.HostConfig == nil || c.NetworkSettings == nil {
		return nil, nil
	}
	mode := string(c.HostConfig.NetworkMode)
	if mode == "host" {
		return []string{"127.0.0.1"}, nil
	}
	if other, shared := strings.CutPrefix(mode, "container:"); shared {
		owner, err := e.inspect(ctx, other)
		if errors.Is(err, update.ErrNoContainer) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return e.addresses(ctx, owner)
	}
	var main, others []string
	for _, name := range sortedKeys(c.NetworkSettings.Networks) {
		endpoint := c.NetworkSettings.Networks[name]
		neighbour, err := e.reachable(ctx, endpoint)
		if err != nil {
			return nil, err
		}
		switch {
		case !neighbour:
		case name == mode || mode == "default" && name == "bridge" || endpoint.NetworkID == mode:
			main = append(main, endpointAddresses(endpoint)...)
		default:
			others = append(others, endpointAddresses(endpoint)...)
		}
	}
	return append(main, others...), nil
}

// endpointAddresses lists the IPs in one network, IPv4 first.
func endpointAddresses(endpoint *network.EndpointSettings) []string {
	var found []string
	for _, address := range []netip.Addr{endpoint.IPAddress, endpoint.GlobalIPv6Address} {
		if address.IsValid() && !address.IsUnspecified() {
			found = append(found, address.String())
		}
	}
	return found
}

// reachable tells whether the host is a neighbour in the network. It is in a
// bridge; macvlan, ipvlan and overlay keep the host out. A network that was
// removed meanwhile reaches nobody.
func (e *Engine) reachable(ctx context.Context, endpoint *network.EndpointSettings) (bool, error) {
	if endpoint == nil || endpoint.NetworkID == "" {
		return false, nil
	}
	if driver, known := e.drivers.Load(endpoint.NetworkID); known {
		return driver == "bridge", nil
	}
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	result, err := e.client.NetworkInspect(ctx, endpoint.NetworkID, client.NetworkInspectOptions{})
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e.drivers.Store(endpoint.NetworkID, result.Network.Driver)
	return result.Network.Driver == "bridge", nil
}
