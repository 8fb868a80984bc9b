package update

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// ParallelStep does independent steps at the same time.
type ParallelStep struct {
	Steps []planStep `json:"steps"`
}

// partAct does something with one part, counted from 1.
type partAct func(ctx context.Context, part int, step Step) error

// Do does all steps. The failure of one does not cut the others off, so that
// each ends in a state that its undo knows; only those that merely wait need
// not be waited for any more.
func (s *ParallelStep) Do(ctx context.Context, env *Env) error {
	return s.do(ctx, env, func(ctx context.Context, _ int, step Step) error { return step.Do(ctx, env) })
}

// Undo undoes all steps.
func (s *ParallelStep) Undo(ctx context.Context, env *Env) error {
	return s.undo(ctx, env, func(ctx context.Context, _ int, step Step) error { return step.Undo(ctx, env) })
}

func (s *ParallelStep) do(ctx context.Context, env *Env, act partAct) error {
	waits, cancel := context.WithCancel(ctx)
	defer cancel()
	return s.each(env, func(part int, step Step) error {
		own := ctx
		if onlyWaits(step) {
			own = waits
		}
		err := act(own, part, step)
		if own.Err() != nil {
			return ctx.Err() // nil: another part failed, and this one was cut off
		}
		if err != nil {
			cancel()
		}
		return err
	})
}

func (s *ParallelStep) undo(ctx context.Context, env *Env, act partAct) error {
	return s.each(env, func(part int, step Step) error { return act(ctx, part, step) })
}

func (s *ParallelStep) each(env *Env, act func(part int, step Step) error) error {
	failures := make([]error, len(s.Steps))
	var acts []func()
	for i, step := range s.Steps {
		acts = append(acts, func() { failures[i] = act(i+1, step.Step) })
	}
	env.Together(acts...)
	return errors.Join(failures...)
}

// onlyWaits tells whether all of the steps do.
func (s *ParallelStep) onlyWaits() bool {
	return !slices.ContainsFunc(s.Steps, func(part planStep) bool { return !onlyWaits(part.Step) })
}

// touchesNothing tells whether none of the steps touches anything.
func (s *ParallelStep) touchesNothing() bool {
	return !slices.ContainsFunc(s.Steps, func(part planStep) bool { return !touchesNothing(part.Step) })
}

// check refuses, of a plan that was read, what the planner never makes and the
// other methods rely on.
func (s *ParallelStep) check() error {
	if len(s.Steps) == 0 {
		return errors.New("a parallel step without steps")
	}
	for _, step := range s.Steps {
		if _, nested := step.Step.(*ParallelStep); nested {
			return errors.New("a parallel step inside of another one")
		}
	}
	return nil
}

// Line implements Step.
func (s *ParallelStep) Line() Line {
	line := Line{Verb: s.Steps[0].Line().Verb}
	var objects []string
	for _, step := range s.Steps {
		objects = append(objects, step.Line().Object)
	}
	line.Object = strings.Join(objects, ", ")
	return line
}

// parallel joins steps of one verb; a single one stays as it is.
func parallel(steps []Step) []Step {
	if len(steps) < 2 {
		return steps
	}
	joined := &ParallelStep{}
	for _, step := range steps {
		joined.Steps = append(joined.Steps, planStep{step})
	}
	return []Step{joined}
}
