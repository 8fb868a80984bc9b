package edge

import (
	"sync/atomic"
	"time"

	"gapless/internal/edge/wire"
)

// cause says why a request got no honest answer of the application.
type cause uint8

const (
	causeNone cause = iota
	causeDial
	causeWrite
	causeRead
	causeTruncated
	causeBadAnswer
	causeTimeout
	causeNoTarget
	causeHoldOverflow
	causeHoldTimeout
	causeUnverified
	causeStopped
	// causePage is an answer with the page: no failure of anything, and no service.
	causePage
	// The causes from here on are the client's doing and no failures.
	causeClientGone
	causeBadRequest
	causeNoRoute
	causes
)

var causeNames = [causes]string{
	causeDial: "dial", causeWrite: "write", causeRead: "read", causeTruncated: "truncated",
	causeBadAnswer: "bad_answer", causeTimeout: "timeout", causeNoTarget: "no_target",
	causeHoldOverflow: "hold_overflow", causeHoldTimeout: "hold_timeout",
	causeUnverified: "unverified", causeStopped: "stopped", causePage: wire.CauseMaintenance, causeClientGone: "client_gone",
	causeBadRequest: "bad_request", causeNoRoute: "no_route",
}

// counters are fixed arrays that are only ever added to.
type counters struct {
	requests, serverErrors, clientAborts, retries, held, paged atomic.Uint64
	longestHold                                                atomic.Int64
	// last is when a request last ended, in unix nanoseconds.
	last     atomic.Int64
	failures [causes]atomic.Uint64
	latency  [wire.Buckets]atomic.Uint64
}

// ended counts one request.
func (n *counters) ended(x *exchange, took time.Duration) {
	n.requests.Add(1)
	n.last.Store(x.began.UnixNano())
	switch {
	case x.cause >= causeClientGone:
		n.clientAborts.Add(1)
	case x.cause == causePage:
		n.paged.Add(1)
	case x.cause != causeNone:
		n.failures[x.cause].Add(1)
	case x.status >= 500:
		n.serverErrors.Add(1)
	}
	if x.retries > 0 {
		n.retries.Add(uint64(x.retries))
	}
	if x.parked > 0 && x.cause != causePage {
		n.held.Add(1)
		raise(&n.longestHold, int64(x.parked))
	}
	if !x.tunnelled && x.cause != causePage {
		n.latency[wire.Bucket(took.Microseconds())].Add(1)
	}
}

func raise(highest *atomic.Int64, value int64) {
	for {
		present := highest.Load()
		if present >= value || highest.CompareAndSwap(present, value) {
			return
		}
	}
}

// read copies the counters into their wire form.
func (n *counters) read() wire.GenerationStats {
	stats := wire.GenerationStats{
		Requests: n.requests.Load(), ServerErrors: n.serverErrors.Load(),
		ClientAborts: n.clientAborts.Load(), Retries: n.retries.Load(), Held: n.held.Load(), Paged: n.paged.Load(),
		LongestHoldMilliseconds: n.longestHold.Load() / int64(time.Millisecond),
	}
	for c := range n.failures {
		if count := n.failures[c].Load(); count > 0 {
			if stats.Failures == nil {
				stats.Failures = map[string]uint64{}
			}
			stats.Failures[causeNames[c]] = count
		}
	}
	counts := make([]uint64, wire.Buckets)
	last := 0
	for i := range n.latency {
		if counts[i] = n.latency[i].Load(); counts[i] > 0 {
			last = i + 1
		}
	}
	stats.Latency.Counts = counts[:last:last]
	return stats
}
