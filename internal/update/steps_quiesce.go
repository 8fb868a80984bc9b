package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// QuiesceStep tells an old worker to take no more jobs, by the command that
// was declared for it. It goes on with those that it has.
type QuiesceStep struct {
	Command []string      `json:"command"`
	AtMost  time.Duration `json:"atMostNs"` // of the command
	// StartedAt is when the worker was started before this; zero if not known.
	// One that was started since takes jobs again.
	StartedAt time.Time `json:"startedAt,omitzero"`
	StopStep            // which worker, and how the way back restarts it
}

// Do runs the command in the worker. One that does not run takes no jobs.
func (s *QuiesceStep) Do(ctx context.Context, env *Env) error {
	c, err := lookSettled(ctx, env, s.Name, s.ID)
	if errors.Is(err, ErrNoContainer) {
		return nil
	}
	if err != nil {
		return err
	}
	if startedSince(c, s.StartedAt) {
		// An undo could not tell this start from its own.
		return fmt.Errorf("%s was started again since the update was planned: somebody else works on it", s.Name)
	}
	if !c.Running || c.Restarting {
		return nil
	}
	return runInside(ctx, env, s.Name, s.Command, s.AtMost)
}

// Undo restarts the worker in place, so that it takes jobs again, unless it
// was started since.
func (s *QuiesceStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if errors.Is(err, ErrNoContainer) || err == nil && c.ID != s.ID {
		return nil // somebody else's doing, which the end of the update tells
	}
	if err != nil {
		return err
	}
	if c.Running && startedSince(c, s.StartedAt) {
		return nil
	}
	if err := env.Containers.SettleStop(ctx, s.Name, s.Grace); err != nil {
		return fmt.Errorf("restart %s: %w", s.Name, err)
	}
	if err := env.Containers.Start(ctx, s.Name); err != nil {
		return fmt.Errorf("restart %s: %w", s.Name, err)
	}
	if err := env.Containers.SetRestart(ctx, s.Name, cmp.Or(s.Restart, "no")); err != nil {
		return err
	}
	return s.serveAgain(ctx, env)
}

// Line implements Step.
func (s *QuiesceStep) Line() Line {
	return Line{Verb: "quiesce", Object: s.Name, Detail: fmt.Sprintf("%s, at most %s", strings.Join(s.Command, " "), DurationText(s.AtMost)),
		Reason: cmp.Or(s.Why, "it takes no more jobs")}
}
