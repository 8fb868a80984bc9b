package cli

import (
	"time"

	"gapless/internal/edge/wire"
)

// windowSpan is the time that rates and latencies are taken over: long enough
// for a quantile, short enough to show what has just changed.
const windowSpan = 10 * time.Second

// generationKey tells the counters of an edge apart.
type generationKey struct{ service, generation string }

// counts are what was counted between two samples, by generation.
type counts map[generationKey]wire.GenerationStats

// statsWindow sums up the newest samples of the counters of an edge.
type statsWindow struct {
	last  counts // as they were read
	began time.Time
	steps []statsStep
}

// statsStep is what was counted up to a moment since the step before.
type statsStep struct {
	at    time.Time
	since counts
}

// add takes a new sample, lets go of those that are too old, and returns what
// was counted since the last one.
func (w *statsWindow) add(at time.Time, stats wire.Stats) counts {
	read, since := counts{}, counts{}
	for _, g := range stats.Generations {
		key := generationKey{g.Service, g.Generation}
		read[key] = g
		since[key] = countedSince(g, w.last[key])
	}
	first := w.last == nil
	w.last = read
	if first {
		w.began = at
		return counts{}
	}
	w.steps = append(w.steps, statsStep{at, since})
	for len(w.steps) > 1 && at.Sub(w.began) > windowSpan {
		w.began, w.steps = w.steps[0].at, w.steps[1:]
	}
	return since
}

// countedSince is what a generation counted after an earlier reading. Counters
// that went down belong to an edge that was restarted and began anew.
func countedSince(now, was wire.GenerationStats) wire.GenerationStats {
	if now.Requests < was.Requests {
		was = wire.GenerationStats{}
	}
	since := now
	since.Requests -= was.Requests
	since.ServerErrors -= min(was.ServerErrors, now.ServerErrors)
	since.Held -= min(was.Held, now.Held)
	since.Paged -= min(was.Paged, now.Paged)
	since.Latency = now.Latency.Since(was.Latency)
	since.Failures = map[string]uint64{}
	for cause, count := range now.Failures {
		since.Failures[cause] = count - min(was.Failures[cause], count)
	}
	return since
}

// sum is what was counted in the window, and its seconds; 0 if there were not
// two samples yet.
func (w *statsWindow) sum() (counts, float64) {
	all := counts{}
	for _, step := range w.steps {
		for key, since := range step.since {
			all[key] = joined(all[key], since)
		}
	}
	if len(w.steps) == 0 {
		return all, 0
	}
	return all, w.steps[len(w.steps)-1].at.Sub(w.began).Seconds()
}

// joined adds a later count to an earlier one; present numbers are the later.
func joined(sum, later wire.GenerationStats) wire.GenerationStats {
	later.Requests += sum.Requests
	later.ServerErrors += sum.ServerErrors
	later.Held += sum.Held
	later.Paged += sum.Paged
	later.Latency = later.Latency.Add(sum.Latency)
	failures := map[string]uint64{}
	for _, part := range []map[string]uint64{sum.Failures, later.Failures} {
		for cause, count := range part {
			failures[cause] += count
		}
	}
	later.Failures = failures
	return later
}

// stats lists counts in the form in which they are summed up elsewhere.
func (c counts) stats() wire.Stats {
	var stats wire.Stats
	for _, g := range c {
		stats.Generations = append(stats.Generations, g)
	}
	return stats
}
