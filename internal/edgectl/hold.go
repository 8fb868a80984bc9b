package edgectl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

// holdTTL is how long a hold outlives the process that renews it.
const holdTTL = 5 * time.Second

// renewal keeps a hold in force until it is stopped.
type renewal struct {
	stop, stopped chan struct{}
}

// Hold implements update.Router. The lease is renewed until Release.
func (r *Router) Hold(ctx context.Context, serviceName string, spec update.HoldSpec) error {
	if err := r.setLimit(ctx, serviceName, spec.Limit); err != nil {
		return fmt.Errorf("hold %s: %w", serviceName, err)
	}
	lease := r.lease(serviceName)
	if spec.Page != nil {
		lease.PageAfter = spec.Limit
		lease.Page = &wire.Page{HTML: spec.Page.HTML, RetryAfterSeconds: RetryAfterSeconds(spec.Page.RetryAfter)}
	}
	// Renewals of the same hold with another page would bring that one back.
	r.stopRenewing(serviceName)
	if err := lease.Renew(ctx); err != nil {
		return fmt.Errorf("hold %s: %w", serviceName, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holds[serviceName] == nil { // else another call for the service was faster
		r.holds[serviceName] = keepRenewing(context.WithoutCancel(ctx), lease)
	}
	return nil
}

// RetryAfterSeconds rounds up: who comes back too early is sent away again.
func RetryAfterSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// keepRenewing renews in the background.
func keepRenewing(ctx context.Context, lease *Lease) *renewal {
	r := &renewal{stop: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(r.stopped)
		ticker := time.NewTicker(holdTTL / 5)
		defer ticker.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-ticker.C:
				_ = lease.Renew(ctx) // the next tick tries again
			}
		}
	}()
	return r
}

// stopRenewing returns when no renewal is on its way any more: one that arrived
// after a release would hold again.
func (r *Router) stopRenewing(serviceName string) {
	r.mu.Lock()
	renewing := r.holds[serviceName]
	delete(r.holds, serviceName)
	r.mu.Unlock()
	if renewing != nil {
		close(renewing.stop)
		<-renewing.stopped
	}
}

// setLimit tells the edge how long requests for a service may wait.
func (r *Router) setLimit(ctx context.Context, serviceName string, limit time.Duration) error {
	r.mu.Lock()
	r.limit[serviceName] = limit
	r.mu.Unlock()
	return r.change(ctx, func(config *wire.ProjectConfig) {
		for i := range config.Services {
			if config.Services[i].Name == serviceName {
				config.Services[i].Limits.HoldMaxWaitMilliseconds = limit.Milliseconds()
			}
		}
	})
}

// Release implements update.Router.
func (r *Router) Release(ctx context.Context, serviceName string) error {
	r.stopRenewing(serviceName)
	err := r.lease(serviceName).Release(ctx)
	if errors.Is(err, ErrUnknown) {
		return nil
	}
	return err
}

// lease has the same name in every process, so that a resume can end the hold
// of the one that died.
func (r *Router) lease(serviceName string) *Lease {
	return r.client.Lease(r.project, "update-"+serviceName, []string{serviceName}, holdTTL)
}
