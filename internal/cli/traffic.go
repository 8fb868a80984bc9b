package cli

import (
	"context"
	"sync"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
)

// trafficFigures returns a function that says what the edge counted since now.
func (s *session) trafficFigures(ctx context.Context) func() ui.TrafficFigures {
	var mu sync.Mutex
	first := s.counters(ctx)
	var lastRequests int64
	lastTime := time.Now()
	return func() ui.TrafficFigures {
		mu.Lock()
		defer mu.Unlock()
		stats := s.counters(ctx)
		if stats == nil {
			return ui.TrafficFigures{}
		}
		now, was := sumOf(*stats), totals{}
		if first != nil {
			was = sumOf(*first)
		}
		figures := ui.TrafficFigures{Requests: now.requests - was.requests, Failed: now.failed - was.failed, Held: now.held - was.held, Paged: now.paged - was.paged}
		if passed := time.Since(lastTime).Seconds(); passed > 0 && lastRequests <= figures.Requests {
			figures.PerSecond = float64(figures.Requests-lastRequests) / passed
		}
		lastRequests, lastTime = figures.Requests, time.Now()
		if all := latencies(*stats); all.Total() > 0 {
			p95 := all.QuantileMicroseconds(0.95) / 1000
			figures.P95Millis = &p95
		}
		return figures
	}
}

// latencies joins the histograms of all generations.
func latencies(stats wire.Stats) wire.Histogram {
	var all wire.Histogram
	for _, g := range stats.Generations {
		all = all.Add(g.Latency)
	}
	return all
}
