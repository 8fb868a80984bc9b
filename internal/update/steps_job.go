package update

import (
	"context"
	"fmt"
	"time"
)

// JobStep runs a one-shot service to its end, from the new image. Its
// container survives the death of this process and is waited for again.
type JobStep struct {
	Service string        `json:"service"`
	Name    string        `json:"name"`
	Number  int           `json:"number"`
	Inherit string        `json:"inherit,omitempty"`
	Release int           `json:"release"`
	AtMost  time.Duration `json:"atMostNs"`
	Why     string        `json:"why,omitempty"`
}

// Do creates and starts the container unless it ran already, and waits.
func (s *JobStep) Do(ctx context.Context, env *Env) error {
	spec := CreateSpec{Service: s.Service, Name: s.Name, Number: s.Number, Inherit: s.Inherit, Run: env.Run, Release: s.Release}
	if err := env.Creator.Create(ctx, spec); err != nil {
		return fmt.Errorf("create %s: %w", s.Name, err)
	}
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return err
	}
	if c.StartedAt.IsZero() {
		if err := env.Containers.Start(ctx, s.Name); err != nil {
			return fmt.Errorf("start %s: %w", s.Name, err)
		}
	}
	return s.wait(ctx, env)
}

// wait polls until the job ended; a code other than 0 is a *GateError, so that
// it is shown with its log.
func (s *JobStep) wait(ctx context.Context, env *Env) error {
	down, err := waitDown(ctx, env, s.Name, s.AtMost)
	if err != nil {
		return err
	}
	if !down {
		return &GateError{Container: s.Name, Reason: fmt.Sprintf("did not end within %s", DurationText(s.AtMost)), Logs: env.Logs(ctx, s.Name)}
	}
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return err
	}
	if c.ExitCode != 0 {
		return &GateError{Container: s.Name, Reason: fmt.Sprintf("ended with code %d", c.ExitCode), Logs: env.Logs(ctx, s.Name)}
	}
	return nil
}

// Undo waits for a job that still runs, because half of a migration is worse
// than all of it, and removes the container. What the job did stays.
func (s *JobStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err == nil && c.Run == env.Run && c.Running {
		if _, err := waitDown(ctx, env, s.Name, s.AtMost); err != nil {
			return err
		}
	}
	return (&StartStep{Name: s.Name}).Undo(ctx, env)
}

// Line implements Step.
func (s *JobStep) Line() Line {
	return Line{Verb: "job", Object: s.Name, Detail: fmt.Sprintf("runs to its end, at most %s", DurationText(s.AtMost)), Reason: s.Why}
}
