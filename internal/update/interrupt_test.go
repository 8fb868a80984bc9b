package update

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestInterruptEndsAWait stops a run whose gate would wait for ever: the gate
// is cut off and everything is undone.
func TestInterruptEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scenarios[0]
		w, plan, err := s.build()
		if err != nil {
			t.Fatal(err)
		}
		old := w.summary()
		env := w.env()
		env.Gate = endlessGate{}
		interrupted := make(chan struct{})
		run := &Run{Plan: &plan, Env: env, Interrupted: interrupted}
		ended := make(chan Outcome)
		go func() {
			outcome, err := run.Execute(context.Background())
			if err != nil {
				t.Error(err)
			}
			ended <- outcome
		}()
		synctest.Wait() // the gate waits now
		close(interrupted)
		outcome := <-ended
		if outcome.Result != ResultRolledBack || !errors.Is(outcome.Cause, ErrInterrupted) {
			t.Errorf("result %s, cause %v", outcome.Result, outcome.Cause)
		}
		if got := w.summary(); got != old {
			t.Errorf("not as before:\n%s", got)
		}
	})
}

// endlessGate waits until it is told to stop.
type endlessGate struct{}

func (endlessGate) Gate(ctx context.Context, _ GateSpec, _ func(Probe)) error {
	<-ctx.Done()
	return ctx.Err()
}
