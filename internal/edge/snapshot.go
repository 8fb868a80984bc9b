package edge

import (
	"sync/atomic"
	"time"

	"gapless/internal/edge/wire"
)

// limits are wire.Limits with the defaults filled in.
type limits struct {
	holdMaxRequests  int
	holdMaxBytes     int64
	holdMaxWait      time.Duration
	connectMaxWait   time.Duration
	responseMaxWait  time.Duration
	streamMaxSilence time.Duration
}

func withDefaults(l wire.Limits) limits {
	milliseconds := func(value int64, otherwise time.Duration) time.Duration {
		if value <= 0 {
			return otherwise
		}
		return time.Duration(value) * time.Millisecond
	}
	out := limits{
		holdMaxRequests:  l.HoldMaxRequests,
		holdMaxBytes:     l.HoldMaxBytes,
		holdMaxWait:      milliseconds(l.HoldMaxWaitMilliseconds, wire.DefaultHoldMaxWait),
		connectMaxWait:   milliseconds(l.ConnectMaxWaitMilliseconds, wire.DefaultConnectMaxWait),
		responseMaxWait:  milliseconds(l.ResponseMaxWaitMilliseconds, wire.DefaultResponseMaxWait),
		streamMaxSilence: milliseconds(l.StreamMaxSilenceMilliseconds, wire.DefaultStreamMaxSilence),
	}
	if out.holdMaxRequests <= 0 {
		out.holdMaxRequests = wire.DefaultHoldMaxRequests
	}
	if out.holdMaxBytes <= 0 {
		out.holdMaxBytes = wire.DefaultHoldMaxBytes
	}
	return out
}

type serviceKey struct{ project, name string }

// serviceState is the part of a service that outlives snapshots.
type serviceState struct {
	key   serviceKey
	queue queue
	turn  atomic.Uint32
	// unclaimed counts requests that ended before a target was claimed.
	unclaimed counters
	// pagedSince is when a page came into force, zero while none is; pagedBefore is how
	// long earlier ones were. Both belong to the store's lock.
	pagedSince  time.Time
	pagedBefore time.Duration
}

// paged is for how long pages were in force.
func (s *serviceState) paged(now time.Time) time.Duration {
	if s.pagedSince.IsZero() {
		return s.pagedBefore
	}
	return s.pagedBefore + now.Sub(s.pagedSince)
}

// notePaging keeps the time of a page that comes into force or ends.
func (s *serviceState) notePaging(paging bool, now time.Time) {
	switch {
	case paging && s.pagedSince.IsZero():
		s.pagedSince = now
	case !paging:
		s.pagedBefore, s.pagedSince = s.paged(now), time.Time{}
	}
}

// service is a route's destination in one snapshot; it never changes.
type service struct {
	state      *serviceState
	limits     limits
	held       bool
	unverified bool
	// holdPage answers the requests that a hold does not let wait any longer, all of
	// them once the hold is paging; nil where it has none.
	holdPage    *page
	paging      bool
	maintenance *maintenance // nil: off
	choices     []choice
	turns       []uint16
	// probed are all targets, those without weight included.
	probed []choice
}

// pageFor is the page that a request gets instead of anything else; nil for none.
func (s *service) pageFor(c *client) *page {
	switch {
	case s.paging:
		return s.holdPage
	case s.maintenance != nil && !s.maintenance.serves(c):
		return s.maintenance.page
	}
	return nil
}

// answersPages tells whether a page is in force.
func (s *service) answersPages() bool { return s.paging || s.maintenance != nil }

// parking says whether requests wait instead of being claimed, and why. They do not
// where a hold answers them all with its page.
func (s *service) parking() cause {
	if s.paging {
		return causeNone
	}
	return s.closed()
}

// closed says whether no request reaches the targets, and why.
func (s *service) closed() cause {
	switch {
	case s.held:
		return causeHoldTimeout
	case s.unverified:
		return causeUnverified
	case len(s.choices) == 0:
		return causeNoTarget
	}
	return causeNone
}

// pick takes the next turn. A target that just refused a connection is passed over as
// long as another one is not suspected; the last one is never given up.
func (s *service) pick(avoid *target) choice {
	if len(s.choices) == 1 {
		return s.choices[0]
	}
	turn := int(s.state.turn.Add(1) % uint32(len(s.turns)))
	picked := s.choices[s.turns[turn]]
	if picked.target != avoid && !picked.target.suspected() {
		return picked
	}
	for step := 1; step < len(s.turns); step++ {
		other := s.choices[s.turns[(turn+step)%len(s.turns)]]
		if other.target != avoid && !other.target.suspected() {
			return other
		}
	}
	return picked
}

func (s *service) inFlight() int64 {
	var sum int64
	for _, c := range s.choices {
		sum += c.target.inFlight()
	}
	return sum
}

// snapshot is everything that a request's way depends on. It is immutable: a request
// that holds one sees one truth, and a change is one pointer swap that touches no
// socket, connection or pool.
type snapshot struct {
	generation uint64
	tables     map[string]*table
	services   map[serviceKey]*service
	// superseded is closed when a newer snapshot is in force.
	superseded chan struct{}
}
