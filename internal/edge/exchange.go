package edge

import (
	"sync"
	"time"
)

// exchange is one request on its way. It is reused by the client's next request.
type exchange struct {
	began time.Time
	// service and choice are the present claim.
	service *service
	choice  choice
	probe   bool
	up      *upstream
	upload  *upload
	// dialled is how long connecting was tried so far, parked how long it waited.
	failedDials int
	retries     int
	parked      time.Duration
	// released is set once the request came out of the queue: it goes first if it
	// must line up again.
	released bool
	fresh    bool
	// answering is set once a byte of the final answer was sent.
	answering bool
	tunnelled bool
	counted   bool
	// keep tells whether the client's connection can carry another request.
	keep   bool
	status int
	cause  cause
	// page is the answer of causePage.
	page *page
}

// outcome is how one attempt on one target ended.
type outcome uint8

const (
	answered outcome = iota
	retryConnect
	retryRequest
	failed
)

var outBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// handle brings one request to an end; false means that the connection is over.
func (c *client) handle() bool {
	x := &c.exchange
	*x = exchange{began: time.Now()}
	space := outBuffers.Get().(*[]byte)
	c.out = (*space)[:0]
	c.body.Start(c.in, c.request.Framing, c.request.Length)

	ended := c.forward()
	c.count()
	if ended != answered && x.cause != causeClientGone && !x.answering {
		if x.cause == causePage {
			c.answerPage(x.page)
		} else {
			c.refuse(statusOf(x.cause), x.cause)
		}
	}
	if x.upload != nil {
		x.upload.end(c)
	}
	*space = c.out[:0]
	if cap(c.out) <= 64<<10 {
		outBuffers.Put(space)
	}
	c.out = nil
	return c.finish(ended)
}

// finish closes the connection in the way that the outcome demands.
func (c *client) finish(ended outcome) bool {
	x := &c.exchange
	switch {
	case ended != answered && (x.answering || x.cause == causeClientGone):
		abort(c.conn)
		return false
	case ended != answered || !x.keep:
		switch {
		case x.tunnelled:
		case x.cause == causePage:
			c.lingerFor(pageLingerMaxWait, pageLingerMaxBytes)
		default:
			c.linger()
		}
		return false
	}
	return true
}

// count notes how the request ended. That comes before the claim is given back and
// before an answer of the edge itself is sent: once nothing is in flight, the counters
// are complete.
func (c *client) count() {
	x := &c.exchange
	if x.counted || x.probe || x.service == nil {
		return
	}
	x.counted = true
	n := x.choice.counters
	if n == nil {
		n = &x.service.state.unclaimed
	}
	n.ended(x, time.Since(x.began))
}

// forward claims a target and tries it, until an answer came or nothing may be tried.
func (c *client) forward() outcome {
	x := &c.exchange
	for {
		if x.cause = c.claim(); x.cause != causeNone {
			return failed
		}
		ended := c.claimed()
		switch ended {
		case retryConnect:
			if !c.mayReconnect() {
				return failed
			}
		case retryRequest:
			x.fresh = true
		default:
			return ended
		}
		x.retries++
		x.cause = causeNone
	}
}

// claimed makes one attempt and gives the claim back whatever happens: a claim that is
// never returned would keep a drain waiting for ever.
func (c *client) claimed() outcome {
	defer c.exchange.choice.target.unclaim()
	ended := c.attempt()
	if ended == answered || ended == failed {
		c.count()
	}
	return ended
}

// mayReconnect waits a little before the next attempt. Nothing was sent, so any
// method may be tried again, on whatever target the snapshot offers by then.
func (c *client) mayReconnect() bool {
	x := &c.exchange
	if x.probe || time.Since(x.began)-x.parked > x.service.limits.connectMaxWait {
		return false
	}
	if c.gone() {
		x.cause = causeClientGone
		return false
	}
	x.failedDials++
	if len(x.service.choices) > 1 && x.failedDials == 1 {
		return true
	}
	pause := min(time.Duration(x.failedDials)*5*time.Millisecond, 100*time.Millisecond)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.edge.current.Load().superseded:
	}
	return true
}
