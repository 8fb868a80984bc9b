package edgectl

import (
	"context"
	"errors"
	"time"
)

// Lookup returns the address of a container; empty if it does not run.
type Lookup func(ctx context.Context, containerName string) (string, error)

// Sync tells the edge where the containers of a project are now, and returns
// how many of them run.
func Sync(ctx context.Context, client *Client, projectName string, lookup Lookup) (int, error) {
	config, err := client.Get(ctx, projectName)
	if err != nil {
		return 0, err
	}
	addresses, running := map[string]string{}, 0
	for _, service := range config.Services {
		for _, target := range service.Targets {
			address, err := lookup(ctx, target.ID)
			if err != nil {
				return 0, err
			}
			addresses[target.ID] = address
			if address != "" {
				running++
			}
		}
	}
	return running, client.Readdress(ctx, projectName, addresses)
}

// SyncAll does it for every project of the edge.
func SyncAll(ctx context.Context, client *Client, lookup Lookup) error {
	projects, err := client.Projects(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, name := range projects {
		if _, err := Sync(ctx, client, name, lookup); err != nil && !errors.Is(err, ErrUnknown) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// The pace of Follow: how often it asks whether the edge was started anew, and
// how often it looks at everything although nothing was said.
const (
	followEvery = time.Second
	followFull  = 30 * time.Second
)

// Follow keeps the edge's addresses right until the context ends: when a
// container changes, which the caller tells, and when the edge itself was
// started anew. Failures are reported and tried again.
func Follow(ctx context.Context, client *Client, lookup Lookup, changed <-chan struct{}, report func(error)) error {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	edgePID, due, last := 0, true, time.Time{}
	for {
		if health, err := client.Health(ctx); err == nil {
			due = due || health.PID != edgePID || len(health.Unverified) > 0 || time.Since(last) > followFull
			edgePID = health.PID
		}
		if due && edgePID != 0 {
			err := SyncAll(ctx, client, lookup)
			if err != nil {
				report(err)
			}
			due, last = err != nil, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			due = true
		case <-ticker.C:
		}
	}
}
