package cli

import (
	"maps"
	"sync"
	"time"

	"gapless/internal/update"
)

// bootSink passes events on and measures how long each service takes from its
// start to a passed gate, for the predictions of later plans.
type bootSink struct {
	next    update.Sink
	mu      sync.Mutex
	started map[string]time.Time
	boots   map[string]time.Duration
	plan    *update.Plan
}

// Emit implements update.Sink.
func (b *bootSink) Emit(event update.Event) {
	if event.Kind == update.EventStepDone && event.Service != "" {
		b.mu.Lock()
		if event.Line.Verb == "gate" {
			b.boots[event.Service] = max(b.boots[event.Service], event.Duration)
		}
		b.mu.Unlock()
	}
	b.next.Emit(event)
}

// measured is what was measured so far, by service name.
func (b *bootSink) measured() map[string]time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.boots)
}
