package cli

import (
	"maps"
	"sync"
	"time"

	"gapless/internal/update"
)

// watcher passes events on. On the way it learns how long each service takes
// from its start to a passed gate, for the predictions of later plans, and
// tells the meter which phase is under way.
type watcher struct {
	next  update.Sink
	plan  *update.Plan
	phase func(name string)
	gated func() // a new container stands beside the old one

	mu    sync.Mutex
	boots map[string]time.Duration
}

// Emit implements update.Sink.
func (w *watcher) Emit(event update.Event) {
	if event.Kind == update.EventStepStarted {
		w.phase(w.plan.PhaseOf(event.Step))
	}
	if event.Kind == update.EventStepDone {
		if gate, isGate := w.plan.Steps()[event.Step-1].(*update.GateStep); isGate {
			w.mu.Lock()
			w.boots[gate.Spec.Service] = max(w.boots[gate.Spec.Service], event.Duration)
			w.mu.Unlock()
			w.gated()
		}
	}
	w.next.Emit(event)
}

// measured is what was measured so far, by service name.
func (w *watcher) measured() map[string]time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.boots)
}
