package update

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oneBadGate lets one service fail at once and all others wait for ever.
type oneBadGate struct{ bad string }

func (g oneBadGate) Gate(ctx context.Context, spec GateSpec, _ func(Probe)) error {
	if spec.Service == g.bad {
		return &GateError{Container: spec.Container, Reason: "exited with code 3"}
	}
	<-ctx.Done()
	return ctx.Err()
}

// kept keeps the events of a run.
type kept struct{ events chan Event }

func (k kept) Emit(event Event) { k.events <- event }

// TestBadPartEndsTheWait: when one service of a wave is bad, nobody waits for
// the gates of the others, and the reason is that of the bad one.
func TestBadPartEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == "a bad service in a wave" })
		w, plan := scenarios[i].must(t)
		old := w.summary()
		env := w.env()
		env.Gate, env.Together = oneBadGate{"shop"}, Together
		events := kept{make(chan Event, 1000)}
		env.Sink = events
		outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var gate *GateError
		if outcome.Result != ResultRolledBack || !errors.As(outcome.Cause, &gate) || gate.Container != "shop-shop-2" {
			t.Errorf("ends %s: %v", outcome.Result, outcome.Cause)
		}
		if row, _ := plan.Row(outcome.Failed); row.Line.Object != "shop-shop-2" {
			t.Errorf("failed at %+v", row)
		}
		if got := w.summary(); got != old {
			t.Errorf("not as before:\n%s", got)
		}
		close(events.events)
		var failed []string
		for event := range events.events {
			if event.Kind == EventStepFailed {
				failed = append(failed, event.Line.Object)
			}
		}
		if !slices.Equal(failed, []string{"shop-shop-2"}) {
			t.Errorf("said to have failed: %v", failed)
		}
	})
}

// slowContainers takes its time to start a container.
type slowContainers struct{ Containers }

func (s slowContainers) Start(ctx context.Context, name string) error {
	time.Sleep(time.Minute)
	return s.Containers.Start(ctx, name)
}

// TestPartsAreTold: each part of a step is told with its own time, and a part
// that acts is not cut off by the failure of another.
func TestPartsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.brokenCall = "create a"
		env := w.env()
		env.Together, env.Clock = inTurn, realClock{}
		env.Containers = slowContainers{env.Containers}
		step := &ParallelStep{Steps: []planStep{{&StartStep{Service: "a", Name: "a"}}, {&StartStep{Service: "b", Name: "b"}}}}
		plan := Plan{Format: PlanFormat, Phases: []Phase{{PhaseShift, []Step{step}}}}
		outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if outcome.Result != ResultRolledBack || outcome.Failed != (Place{1, 1}) {
			t.Errorf("%+v", outcome)
		}
		if took := outcome.Took[Place{1, 2}]; took != time.Minute {
			t.Errorf("part 2 took %s", took)
		}
		if !strings.Contains(strings.Join(w.calls, ","), "start b") {
			t.Errorf("%v", w.calls)
		}
	})
}

// realClock is the clock of the bubble.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(_ context.Context, d time.Duration) error {
	time.Sleep(d)
	return nil
}
