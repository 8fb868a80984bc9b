package cli

import (
	"context"
	"sync"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
)

const (
	// trafficPace is how often the edge is asked for its counters.
	trafficPace = time.Second
	// trafficWait bounds one such question.
	trafficWait = 2 * time.Second
)

// trafficMeter says what the edge counts while something is shown. Whoever asks
// gets the newest figures at once: the edge is read beside it, so that one that
// hangs delays neither the screen nor the run.
type trafficMeter struct {
	read func() *wire.Stats // nil: there is no edge
	now  func() time.Time

	mu      sync.Mutex
	window  statsWindow
	total   totals // since it began
	asked   time.Time
	asking  bool
	figures *ui.TrafficFigures
}

// trafficFigures returns a function that says what the edge counted since now.
func (s *session) trafficFigures(ctx context.Context) func() *ui.TrafficFigures {
	read := func() *wire.Stats {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trafficWait)
		defer cancel()
		return s.counters(ctx)
	}
	return newTrafficMeter(read, time.Now).latest
}

func newTrafficMeter(read func() *wire.Stats, now func() time.Time) *trafficMeter {
	m := &trafficMeter{read: read, now: now, asked: now()}
	if stats := read(); stats != nil {
		m.window.add(m.asked, *stats)
	} else {
		m.window.last = counts{} // of an edge that comes later, all counts
	}
	return m
}

// latest is what is known now; nil where nothing is.
func (m *trafficMeter) latest() *ui.TrafficFigures {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.asking && m.now().Sub(m.asked) >= trafficPace {
		m.asking, m.asked = true, m.now()
		go m.sample()
	}
	return m.figures
}

// sample reads the counters once.
func (m *trafficMeter) sample() {
	stats := m.read()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asking = false
	if stats == nil {
		m.figures = nil
		return
	}
	m.total = m.total.plus(sumOf(m.window.add(m.now(), *stats).stats()))
	m.figures = m.sum(*stats)
}

// sum makes the figures of the newest sample.
func (m *trafficMeter) sum(stats wire.Stats) *ui.TrafficFigures {
	figures := &ui.TrafficFigures{Requests: m.total.requests, Failed: m.total.failed, Held: m.total.held, Paged: m.total.paged}
	for _, g := range stats.Generations {
		figures.HeldNow += g.Parked
	}
	recent, seconds := m.window.sum()
	if seconds > 0 {
		figures.PerSecond = float64(sumOf(recent.stats()).requests) / seconds
	}
	if all := latencies(recent.stats()); all.Total() > 0 {
		p95 := all.QuantileMicroseconds(0.95) / 1000
		figures.P95Millis = &p95
	}
	return figures
}

// latencies joins the histograms of all generations.
func latencies(stats wire.Stats) wire.Histogram {
	var all wire.Histogram
	for _, g := range stats.Generations {
		all = all.Add(g.Latency)
	}
	return all
}

// plus leaves out the causes and the longest hold, which are no sums.
func (t totals) plus(other totals) totals {
	return totals{requests: t.requests + other.requests, failed: t.failed + other.failed, held: t.held + other.held, paged: t.paged + other.paged}
}
