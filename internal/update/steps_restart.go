package update

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// RestartStep stops a container and starts it again in place: no second copy
// is needed, and nobody answers in between.
type RestartStep struct {
	StopStep // how it stops, and what the way back waits for
	// StartedAt is when the container was started before this; zero if not
	// known. A later start shows that the restart is over.
	StartedAt time.Time `json:"startedAt,omitzero"`
}

// Do stops, starts and gives the container its own policy back. Meanwhile it
// has one that lets a restarted host bring it back.
func (s *RestartStep) Do(ctx context.Context, env *Env) error {
	stop := s.StopStep
	stop.Boots = true
	if err := stop.Do(ctx, env); err != nil {
		return err
	}
	if err := env.Containers.Start(ctx, s.Name); err != nil {
		return fmt.Errorf("start %s again: %w", s.Name, err)
	}
	return env.Containers.SetRestart(ctx, s.Name, cmp.Or(s.Restart, "no"))
}

// Undo makes sure that the container runs, with its own policy, and answers.
func (s *RestartStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err == nil && c.Running && startedSince(c, s.StartedAt) {
		if err := env.Containers.SetRestart(ctx, s.Name, cmp.Or(s.Restart, "no")); err != nil {
			return err
		}
		return s.serveAgain(ctx, env)
	}
	return s.StopStep.Undo(ctx, env)
}

// Line implements Step.
func (s *RestartStep) Line() Line {
	return Line{Verb: "restart", Object: s.Name, Detail: fmt.Sprintf("in place, stops within %s", DurationText(s.Grace)), Reason: s.Why}
}

// startedSince tells whether somebody started a container after the given
// time. A start by its restart policy does not count: such a container may
// have been told something before, and may be told to stop after.
func startedSince(c Container, startedAt time.Time) bool {
	return !startedAt.IsZero() && !c.StartedAt.Equal(startedAt) && c.RestartCount == 0
}

// ReloadStep lets a container read its configuration or code again without a
// restart, by a signal or by a command in it.
type ReloadStep struct {
	Service   string        `json:"service"`
	Name      string        `json:"name"`
	ID        string        `json:"id"`
	Signal    string        `json:"signal,omitempty"`  // either this
	Command   []string      `json:"command,omitempty"` // or that
	AtMost    time.Duration `json:"atMostNs"`          // of the command
	UndoRoute *RouteState   `json:"undoRoute,omitempty"`
	Gate      *GateSpec     `json:"gate,omitempty"` // that the undo waits for
	Why       string        `json:"why,omitempty"`
}

// Do signals or runs the command. The signal goes to the process itself: one
// through the engine would make it forget to restart the container.
func (s *ReloadStep) Do(ctx context.Context, env *Env) error {
	c, err := lookSettled(ctx, env, s.Name, s.ID)
	if err != nil {
		return err
	}
	if !c.Running || c.Restarting {
		return &GateError{Container: s.Name, Reason: "does not run and cannot reload", Logs: env.Logs(ctx, s.Name), Ended: true}
	}
	if len(s.Command) > 0 {
		return runInside(ctx, env, s.Name, s.Command, s.AtMost)
	}
	if err := env.Containers.SignalProcess(ctx, s.Name, s.Signal); err != nil {
		return fmt.Errorf("send %s to %s: %w", s.Signal, s.Name, err)
	}
	return nil
}

// Undo makes sure that the container runs: what it read cannot be taken back.
func (s *ReloadStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", s.Name, err)
	}
	if !c.Running && !c.Restarting {
		if err := env.Containers.Start(ctx, s.Name); err != nil {
			return fmt.Errorf("start %s again: %w", s.Name, err)
		}
	}
	return (&StopStep{Service: s.Service, Name: s.Name, UndoRoute: s.UndoRoute, Gate: s.Gate}).serveAgain(ctx, env)
}

// Line implements Step.
func (s *ReloadStep) Line() Line {
	how := "by " + s.Signal
	if len(s.Command) > 0 {
		how = fmt.Sprintf("by %s, at most %s", strings.Join(s.Command, " "), DurationText(s.AtMost))
	}
	return Line{Verb: "reload", Object: s.Name, Detail: how, Reason: s.Why}
}
