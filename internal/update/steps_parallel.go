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

// Do runs all steps and returns all of their errors. The first failure does
// not cut the others off: each ends in a state that its undo knows.
func (s *ParallelStep) Do(ctx context.Context, env *Env) error {
	return s.each(env, func(step Step) error { return step.Do(ctx, env) })
}

// Undo undoes all steps.
func (s *ParallelStep) Undo(ctx context.Context, env *Env) error {
	return s.each(env, func(step Step) error { return step.Undo(ctx, env) })
}

func (s *ParallelStep) each(env *Env, act func(Step) error) error {
	failures := make([]error, len(s.Steps))
	var acts []func()
	for i, step := range s.Steps {
		acts = append(acts, func() { failures[i] = act(step.Step) })
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
	line := s.Steps[0].Line()
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
