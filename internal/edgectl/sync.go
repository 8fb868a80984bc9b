package edgectl

import (
	"context"
	"net"

	"gapless/internal/edge/wire"
)

// Sync puts a project's configuration again with fresh addresses, and returns
// how many targets it has then. The lookup returns an empty address for a
// container that does not run; such a target is left out.
func Sync(ctx context.Context, client *Client, projectName string, lookup func(ctx context.Context, containerName string) (string, error)) (int, error) {
	config, err := client.Get(ctx, projectName)
	if err != nil {
		return 0, err
	}
	count := 0
	for i, service := range config.Services {
		var targets []wire.Target
		for _, target := range service.Targets {
			address, err := lookup(ctx, target.ID)
			if err != nil {
				return count, err
			}
			_, port, err := net.SplitHostPort(target.Address)
			if err != nil {
				return count, err
			}
			if address == "" {
				continue
			}
			target.Address = net.JoinHostPort(address, port)
			targets = append(targets, target)
		}
		config.Services[i].Targets = targets
		count += len(targets)
	}
	_, err = client.Put(ctx, config, PutOptions{})
	return count, err
}
