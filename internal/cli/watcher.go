package cli

import (
	"maps"
	"sync"
	"time"

	"gapless/internal/update"
)

// watcher passes events on. On the way it learns how long the steps of each
// service take, for the forecasts of later plans, and tells the meter which
// phase is under way.
type watcher struct {
	next  update.Sink
	plan  *update.Plan
	phase func(name string)
	gated func() // a new container stands beside the old one

	mu    sync.Mutex
	gate  int                                 // the step whose first container passed last
	times map[string]map[string]time.Duration // by service and verb
}

// Emit implements update.Sink.
func (w *watcher) Emit(event update.Event) {
	if event.Kind == update.EventStepStarted {
		w.phase(w.plan.PhaseOf(event.Step))
	}
	if event.Kind == update.EventUndoing {
		w.phase(update.PhaseShift) // the requests move again
	}
	if event.Kind == update.EventStepDone {
		step := w.plan.StepAt(event.Place())
		w.measure(step, event.Duration)
		if _, isGate := step.(*update.GateStep); isGate && w.first(event.Step) {
			w.gated()
		}
	}
	w.next.Emit(event)
}

// first tells whether no other part of the step has passed before.
func (w *watcher) first(step int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.gate
	w.gate = step
	return before != step
}

// measure keeps the longest time of each kind of step of a service.
func (w *watcher) measure(step update.Step, took time.Duration) {
	verb, serviceName := update.Measured(step)
	if verb == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times[serviceName] == nil {
		w.times[serviceName] = map[string]time.Duration{}
	}
	w.times[serviceName][verb] = max(w.times[serviceName][verb], took)
}

// measured is what was measured so far of a service, by verb.
func (w *watcher) measured(serviceName string) map[string]time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.times[serviceName])
}
