package cli

import (
	"time"

	"gapless/internal/edge/wire"
)

// windowSpan is the time that rates and latencies are taken over: long enough
// for a quantile, short enough to show what has just changed.
const windowSpan = 10 * time.Second

// statsSample is what the edge had counted at a moment.
type statsSample struct {
	at    time.Time
	stats wire.Stats
}

// statsWindow keeps the newest samples of the counters of an edge.
type statsWindow struct{ samples []statsSample }

// add takes a new sample and lets go of those that are too old. It returns
// true if the counters began anew, as those of an edge that was restarted do:
// nothing can be told across that.
func (w *statsWindow) add(at time.Time, stats wire.Stats) (began bool) {
	if n := len(w.samples); n > 0 && sumOf(stats).requests < sumOf(w.samples[n-1].stats).requests {
		w.samples, began = nil, true
	}
	w.samples = append(w.samples, statsSample{at, stats})
	for len(w.samples) > 2 && at.Sub(w.samples[0].at) > windowSpan {
		w.samples = w.samples[1:]
	}
	return began
}

// ends are the oldest and the newest sample, and the seconds between them; 0
// if there are not two yet.
func (w *statsWindow) ends() (oldest, newest wire.Stats, seconds float64) {
	if len(w.samples) < 2 {
		return wire.Stats{}, wire.Stats{}, 0
	}
	first, last := w.samples[0], w.samples[len(w.samples)-1]
	return first.stats, last.stats, last.at.Sub(first.at).Seconds()
}
