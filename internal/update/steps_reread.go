package update

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// RereadStep makes a reverse proxy read its mounted files again, in the
// container that it has.
type RereadStep struct {
	Service string        `json:"service"`
	Name    string        `json:"name"`
	ID      string        `json:"id"`
	Command []string      `json:"command"` // how the proxy is called
	Drain   time.Duration `json:"drainNs"` // for those that work by the old files
	Why     string        `json:"why,omitempty"`
}

// Do reloads and waits until the new files are in force.
func (s *RereadStep) Do(ctx context.Context, env *Env) error {
	c, err := lookAtOld(ctx, env, s.Name, s.ID)
	if err != nil {
		return err
	}
	if !c.Running {
		return &GateError{Container: s.Name, Reason: "does not run and cannot read its files again", Logs: env.Logs(ctx, s.Name), Ended: true}
	}
	left, err := env.Front.Reload(ctx, s.Name, s.Command, s.Drain)
	if err != nil {
		return err
	}
	if left > 0 {
		s.notice(env, fmt.Sprintf("%d old workers of %s still answer after %s, and end with their last connection", left, s.Name, DurationText(s.Drain)))
	}
	return nil
}

// Undo makes sure that the container runs. The files are the user's: what was
// read stays in force until they are put back.
func (s *RereadStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", s.Name, err)
	}
	s.notice(env, s.Name+" may have read its changed files already and goes on by them: an undo does not touch files of yours ("+s.Why+")")
	if c.Running || c.Restarting {
		return nil
	}
	return env.Containers.Start(ctx, s.Name)
}

func (s *RereadStep) notice(env *Env, text string) {
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(), Text: text})
}

// Line implements Step.
func (s *RereadStep) Line() Line {
	return Line{Verb: "reload", Object: s.Name, Reason: s.Why,
		Detail: fmt.Sprintf("%s -s reload, old workers get %s", strings.Join(s.Command, " "), DurationText(s.Drain))}
}
