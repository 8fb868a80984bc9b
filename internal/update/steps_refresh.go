package update

import (
	"context"
	"errors"
	"strings"
	"time"
)

// RefreshStep makes a front that resolves names only once look them up again.
// One that cannot is said and stops nothing: what it does not find it answers
// with an error, as it does without Gapless.
type RefreshStep struct {
	Name    string        `json:"name"` // container of the front
	ID      string        `json:"id"`
	Command []string      `json:"command"`
	AtMost  time.Duration `json:"atMostNs"`
	Back    bool          `json:"back,omitempty"` // on the way back only
	Why     string        `json:"why,omitempty"`
}

// Do refreshes, unless the step is for the way back.
func (s *RefreshStep) Do(ctx context.Context, env *Env) error {
	if s.Back {
		return nil
	}
	return s.refresh(ctx, env)
}

// Undo refreshes, if the step is for the way back.
func (s *RefreshStep) Undo(ctx context.Context, env *Env) error {
	if !s.Back {
		return nil
	}
	return s.refresh(ctx, env)
}

func (s *RefreshStep) refresh(ctx context.Context, env *Env) error {
	c, err := lookAtOld(ctx, env, s.Name, s.ID)
	if err == nil && c.Running {
		err = runInside(ctx, env, s.Name, s.Command, s.AtMost)
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	text := s.Name + " does not look up its names again: " + err.Error()
	var failed *GateError
	if errors.As(err, &failed) && len(failed.Logs) > 0 {
		text += ": " + strings.Join(failed.Logs, "; ")
	}
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(), Text: text})
	return nil
}

// Line implements Step.
func (s *RefreshStep) Line() Line {
	detail := strings.Join(s.Command, " ")
	if s.Back {
		detail += ", on the way back only"
	}
	return Line{Verb: "refresh", Object: s.Name, Detail: detail, Reason: s.Why}
}
