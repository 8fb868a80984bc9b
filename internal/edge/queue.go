package edge

import (
	"sync"
	"sync/atomic"
	"time"
)

// waiter is one parked request.
type waiter struct {
	ready          chan struct{}
	previous, next *waiter
	queued         bool
	bytes          int64
}

// queue parks the requests of one service in the order of their arrival. It outlives
// snapshots; whether it may be entered is read from the present snapshot, under its lock.
type queue struct {
	mu          sync.Mutex
	first, last *waiter
	count       atomic.Int64
	bytes       int64
	// releasing is set while parked requests are let go one after the other; those
	// that arrive meanwhile line up behind them.
	releasing atomic.Bool
}

type entry uint8

const (
	entered entry = iota
	notParking
	full
)

// enter parks a waiter. Reading the snapshot under the lock closes the gap in which a
// release could publish and empty the queue just before the waiter lines up.
func (q *queue) enter(w *waiter, limits limits, parking func() bool, ahead bool) entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !parking() && (!q.releasing.Load() || ahead) {
		return notParking
	}
	if q.count.Load() >= int64(limits.holdMaxRequests) || q.bytes+w.bytes > limits.holdMaxBytes {
		return full
	}
	w.queued = true
	switch {
	case q.first == nil:
		q.first, q.last = w, w
	case ahead:
		w.next, q.first.previous = q.first, w
		q.first = w
	default:
		w.previous, q.last.next = q.last, w
		q.last = w
	}
	q.count.Add(1)
	q.bytes += w.bytes
	return entered
}

// leave takes a waiter out; false means that it was released already.
func (q *queue) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !w.queued {
		return false
	}
	q.remove(w)
	return true
}

func (q *queue) remove(w *waiter) {
	if w.previous == nil {
		q.first = w.next
	} else {
		w.previous.next = w.next
	}
	if w.next == nil {
		q.last = w.previous
	} else {
		w.next.previous = w.previous
	}
	w.previous, w.next, w.queued = nil, nil, false
	q.count.Add(-1)
	q.bytes -= w.bytes
}

// flush lets all parked requests go at once.
func (q *queue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.first != nil {
		w := q.first
		q.remove(w)
		close(w.ready)
	}
}

const (
	releaseTick  = 2 * time.Millisecond
	releaseStart = 16
)

// release lets the parked requests go, if there are any and nobody does it yet. The
// pace follows the answers: a window of 16 grows by one with each request answered,
// so an application that has just started is not buried; one per tick goes anyway.
func (q *queue) release(parking func() bool, inFlight func() int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == nil || q.releasing.Load() || parking() {
		return
	}
	q.releasing.Store(true)
	go func() {
		ticker := time.NewTicker(releaseTick)
		defer ticker.Stop()
		released := int64(0)
		for {
			busy := inFlight()
			finished := max(0, released-busy)
			n, more := q.pop(max(1, releaseStart+finished-busy), parking)
			released += n
			if !more {
				return
			}
			<-ticker.C
		}
	}()
}

// pop releases up to limit waiters; false means that the release has ended.
func (q *queue) pop(limit int64, parking func() bool) (released int64, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !parking() && q.first != nil && released < limit {
		w := q.first
		q.remove(w)
		close(w.ready)
		released++
	}
	if q.first == nil || parking() {
		q.releasing.Store(false)
		return released, false
	}
	return released, true
}
