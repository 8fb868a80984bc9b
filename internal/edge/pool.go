package edge

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultIdleLimit holds until the application showed its own limit.
	defaultIdleLimit = time.Second
	maxIdleLimit     = 30 * time.Second
	minIdleLimit     = 50 * time.Millisecond
	// freshEnough is how long a connection may have idled to carry a request that
	// cannot be repeated.
	freshEnough = 250 * time.Millisecond
	// surelyOpen is an idle time below which the socket is not looked at before use.
	surelyOpen = 10 * time.Millisecond
	maxIdle    = 512
	// forget is how long an observed close limits the reuse.
	forget = time.Minute
)

// pool keeps the idle connections of one target, the latest on top.
type pool struct {
	mu   sync.Mutex
	idle []*upstream
	// advertised is half of the application's "Keep-Alive: timeout", observed half of
	// the age at which it closed a connection; nanoseconds, 0 while unknown.
	advertised, observed atomic.Int64
	observedAt           atomic.Int64
}

// limit is the longest idle time at which a connection is used again.
func (p *pool) limit(now time.Time) time.Duration {
	limit := defaultIdleLimit
	if advertised := p.advertised.Load(); advertised > 0 {
		limit = min(time.Duration(advertised), maxIdleLimit)
	}
	if observed := p.observed.Load(); observed > 0 && now.UnixNano()-p.observedAt.Load() < int64(forget) {
		limit = min(limit, time.Duration(observed))
	}
	return limit
}

func (p *pool) learnTimeout(seconds int) {
	half := int64(seconds) * int64(time.Second) / 2
	if p.advertised.Load() != half {
		p.advertised.Store(half)
	}
}

// learnClose notes that the application closed a connection that idled this long.
func (p *pool) learnClose(idled time.Duration, now time.Time) {
	p.observed.Store(int64(max(idled/2, minIdleLimit)))
	p.observedAt.Store(now.UnixNano())
}

// take returns a connection fit for the next request, or nil.
func (p *pool) take(now time.Time, repeatable bool) *upstream {
	limit := p.limit(now)
	if !repeatable {
		limit = min(limit, freshEnough)
	}
	for {
		u := p.pop(now, limit)
		if u == nil {
			return nil
		}
		idled := now.Sub(u.idleSince)
		if repeatable && idled < surelyOpen || quiet(u.raw) {
			return u
		}
		p.learnClose(idled, now)
		u.Close()
	}
}

func (p *pool) pop(now time.Time, limit time.Duration) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	top := len(p.idle) - 1
	if top < 0 || now.Sub(p.idle[top].idleSince) > limit {
		return nil
	}
	u := p.idle[top]
	p.idle[top] = nil
	p.idle = p.idle[:top]
	return u
}

func (p *pool) put(u *upstream, t *target) {
	p.mu.Lock()
	if len(p.idle) < maxIdle && !t.draining() {
		p.idle = append(p.idle, u)
		u = nil
	}
	p.mu.Unlock()
	if u != nil {
		u.Close()
	}
}

// trim closes what has idled too long, and looks for connections that the application
// closed itself, which is how its limit becomes known.
func (p *pool) trim(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return
	}
	limit := p.limit(now)
	kept := p.idle[:0]
	for _, u := range p.idle {
		idled := now.Sub(u.idleSince)
		switch {
		case !quiet(u.raw):
			p.learnClose(idled, now)
			u.Close()
		case idled > limit:
			u.Close()
		default:
			kept = append(kept, u)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
}

func (p *pool) closeAll() int {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, u := range idle {
		u.Close()
	}
	return len(idle)
}

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}
