package edge

import (
	"sync/atomic"
	"time"
)

// drainBit is the highest bit of a target's word; the bits below count claims.
const drainBit = 1 << 63

type targetKey struct{ project, service, id, address string }

// target is the running side of one container's port. It outlives snapshots as long
// as its identity stays the same, and stays known until its last request has ended.
type target struct {
	key targetKey
	// word holds the drain bit and the number of claims. One atomic word makes claim
	// and drain linearizable: once the bit is set and the count is seen at zero, no
	// ordinary request can reach the target any more.
	word atomic.Uint64
	// tunnels counts claims that do not end by themselves: upgraded connections and
	// event streams.
	tunnels atomic.Int64
	// suspectUntil is the time in unix nanoseconds until which other targets are
	// preferred, because connecting failed.
	suspectUntil atomic.Int64
	pool         pool
	_            [64]byte
}

// claim counts one request in, unless the target is draining. A refused claim is no
// error: the caller looks up its route again, in a snapshot that is newer by then.
func (t *target) claim() bool {
	if t.word.Add(1)&drainBit == 0 {
		return true
	}
	t.unclaim()
	return false
}

// force counts a probe in, draining or not.
func (t *target) force() { t.word.Add(1) }

func (t *target) unclaim() { t.word.Add(^uint64(0)) }

func (t *target) inFlight() int64 { return int64(t.word.Load() &^ drainBit) }

func (t *target) draining() bool { return t.word.Load()&drainBit != 0 }

// drain stops new claims and closes the idle connections.
func (t *target) drain() {
	t.word.Or(drainBit)
	t.pool.closeAll()
}

func (t *target) undrain() { t.word.And(^uint64(drainBit)) }

const suspicion = time.Second

func (t *target) suspect(now time.Time) { t.suspectUntil.Store(now.Add(suspicion).UnixNano()) }

func (t *target) trust() {
	if t.suspectUntil.Load() != 0 {
		t.suspectUntil.Store(0)
	}
}

// suspected never removes a target for good: the caller falls back to it when there
// is no better one.
func (t *target) suspected() bool {
	until := t.suspectUntil.Load()
	return until != 0 && time.Now().UnixNano() < until
}
