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
	_, err := runToEnd(ctx, env, spec, s.AtMost, nil)
	return err
}

// Undo waits for a job that still runs and removes the container. What the job
// did stays.
func (s *JobStep) Undo(ctx context.Context, env *Env) error {
	_, err := undoRun(ctx, env, s.Line(), s.Name, s.AtMost, nil)
	return err
}

// Line implements Step.
func (s *JobStep) Line() Line {
	return Line{Verb: "job", Object: s.Name, Detail: fmt.Sprintf("runs to its end, at most %s", DurationText(s.AtMost)), Reason: s.Why}
}
