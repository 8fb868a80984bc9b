package edge

import (
	"time"

	"gapless/internal/edge/http1"
)

// parkedOverhead is what a parked request costs beside its buffer, in bytes.
const parkedOverhead = 12 << 10

// lookAfter is how often a parked request checks that its client is still there.
const lookAfter = 500 * time.Millisecond

// claim finds the route, parks the request while its service takes none, and counts
// the request in on a target. A claim that meets a drain starts over: the snapshot
// that caused the drain is in force by then.
func (c *client) claim() cause {
	x := &c.exchange
	avoid := x.choice.target
	x.choice = choice{}
	if c.origin.probe {
		return c.claimProbe()
	}
	for {
		snap := c.edge.current.Load()
		x.service = snap.find(c.origin.key, c.request.Host, c.request.Path)
		if x.service == nil {
			return causeNoRoute
		}
		if x.page = x.service.pageFor(c); x.page != nil {
			return causePage
		}
		lined := x.service.state.queue.releasing.Load() && !x.released
		if x.service.parking() != causeNone || lined {
			if why := c.park(); why != causeNone {
				return why
			}
			continue
		}
		if picked := x.service.pick(avoid); picked.target.claim() {
			x.choice = picked
			return causeNone
		}
	}
}

func (s *snapshot) find(listenerKey string, host, path []byte) *service {
	if t := s.tables[listenerKey]; t != nil {
		return t.find(host, path)
	}
	return nil
}

// claimProbe counts a probe in on exactly the target that it names.
func (c *client) claimProbe() cause {
	x := &c.exchange
	x.probe = true
	var key serviceKey
	id := ""
	for _, field := range c.request.Fields {
		switch field.Known {
		case http1.ProbeProject:
			key.project = string(field.Value)
		case http1.ProbeService:
			key.name = string(field.Value)
		case http1.ProbeTarget:
			id = string(field.Value)
		}
	}
	x.service = c.edge.current.Load().services[key]
	if x.service == nil {
		return causeNoRoute
	}
	for _, probed := range x.service.probed {
		if probed.target.key.id == id {
			probed.target.force()
			x.choice = probed
			return causeNone
		}
	}
	return causeNoTarget
}

// park waits in the service's queue. The body is not read meanwhile, so a client that
// waits for a 100 keeps its body to itself.
func (c *client) park() cause {
	x := &c.exchange
	s := x.service
	w := &waiter{ready: make(chan struct{}), bytes: int64(c.in.Size()) + parkedOverhead}
	parking := func() bool {
		present := c.edge.present(s.state.key)
		return present != nil && present.parking() != causeNone && present.pageFor(c) == nil
	}
	switch s.state.queue.enter(w, s.limits, parking, x.released) {
	case notParking:
		return causeNone
	case full:
		return c.orPage(causeHoldOverflow, s)
	}
	began := time.Now()
	why := c.await(w, s, began)
	x.parked += time.Since(began)
	x.released = true
	if why == causeNone && c.gone() {
		return causeClientGone
	}
	return why
}

// await returns when the waiter is released, its time is over or its client is gone.
func (c *client) await(w *waiter, s *service, began time.Time) cause {
	already := c.exchange.parked
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.ready:
			return causeNone
		case <-timer.C:
		}
		why := c.edge.parking(s.state.key)
		left := s.limits.parkMaxWait(why) - already - time.Since(began)
		end := causeNone
		switch {
		case c.gone():
			end = causeClientGone
		case left <= 0 && why != causeNone:
			end = c.orPage(why, c.edge.present(s.state.key))
		case c.edge.closing.Load():
			end = causeStopped
		default:
			if left <= 0 && s.state.queue.leave(w) {
				// It waits for its turn only: being late is better than failing.
				return causeNone
			}
			timer.Reset(min(max(left, time.Millisecond), lookAfter))
			continue
		}
		if s.state.queue.leave(w) {
			return end
		}
		<-w.ready
		return causeNone
	}
}

// orPage turns the end of a wait for a hold into the page of that hold, if it has one.
func (c *client) orPage(why cause, s *service) cause {
	if s == nil || s.holdPage == nil || why != causeHoldTimeout && why != causeHoldOverflow {
		return why
	}
	c.exchange.page = s.holdPage
	return causePage
}

// present is a service as the snapshot in force has it; nil if it is gone.
func (e *Edge) present(key serviceKey) *service { return e.current.Load().services[key] }

// parking says whether requests for a service wait in the present snapshot.
func (e *Edge) parking(key serviceKey) cause {
	if s := e.present(key); s != nil {
		return s.parking()
	}
	return causeNone
}

// parkMaxWait is how long a request is parked at most for a reason.
func (l limits) parkMaxWait(why cause) time.Duration {
	if why == causeNoTarget {
		return l.connectMaxWait
	}
	return l.holdMaxWait
}
