package edgectl

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"gapless/internal/edge/wire"
)

// Lease is a hold in force. Unless it is renewed within its TTL, the edge releases it
// by itself, so a holder that dies cannot leave an application closed.
type Lease struct {
	// ID is the name under which another process can renew or release the hold.
	ID       string
	Project  string
	Services []string
	TTL      time.Duration
	// Page answers the requests once the hold is older than PageAfter; nil: none does.
	Page      *wire.Page
	PageAfter time.Duration
	client    *Client
}

// Hold parks the requests of the named services, of all when there are none. When it
// returns, no request can reach their targets any more; those that already did are
// still in flight.
func (c *Client) Hold(ctx context.Context, projectName string, serviceNames []string, ttl time.Duration) (*Lease, error) {
	lease := c.Lease(projectName, rand.Text(), serviceNames, ttl)
	if err := lease.Renew(ctx); err != nil {
		return nil, err
	}
	return lease, nil
}

// Lease refers to a hold by its id, for instance after a restart of its holder.
func (c *Client) Lease(projectName, id string, serviceNames []string, ttl time.Duration) *Lease {
	return &Lease{ID: id, Project: projectName, Services: serviceNames, TTL: ttl, client: c}
}

// Renew lets the hold last for another TTL from now; it takes the hold again when the
// edge has released it meanwhile.
func (l *Lease) Renew(ctx context.Context) error {
	request := wire.HoldRequest{Services: l.Services, TTLMilliseconds: l.TTL.Milliseconds(), Page: l.Page}
	if l.Page != nil {
		request.PageAfterMilliseconds = l.PageAfter.Milliseconds()
	}
	return l.client.call(ctx, http.MethodPut, l.path(), request, nil)
}

// Release lets the parked requests go, in their order and paced. ErrUnknown means that
// the hold had ended before.
func (l *Lease) Release(ctx context.Context) error { return l.client.Release(ctx, l.Project, l.ID) }

// Release ends a hold by its id.
func (c *Client) Release(ctx context.Context, projectName, leaseID string) error {
	return c.call(ctx, http.MethodDelete, c.Lease(projectName, leaseID, nil, 0).path(), nil, nil)
}

func (l *Lease) path() string { return projectPath(l.Project) + "/holds/" + l.ID }

// Wait polls until a container has no request in flight, and returns the last state
// with the context's error when that takes too long.
func (c *Client) Wait(ctx context.Context, targetID string) (wire.InFlight, error) {
	for {
		state, err := c.InFlight(ctx, targetID)
		if err != nil || state.Requests == 0 {
			return state, err
		}
		select {
		case <-ctx.Done():
			return state, ctx.Err()
		case <-time.After(drainPoll):
		}
	}
}

// drainPoll is how often Wait asks.
const drainPoll = 20 * time.Millisecond
