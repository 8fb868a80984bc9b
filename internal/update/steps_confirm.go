package update

import (
	"context"
	"fmt"
)

// ConfirmStep makes sure that an nginx that was started reads what it is told by
// from now on: where it includes another directory, a switch would reach nobody.
type ConfirmStep struct {
	Service string `json:"service"`
}

// Do asks it.
func (s *ConfirmStep) Do(ctx context.Context, env *Env) error {
	if err := env.Router.Ensure(ctx, nil); err != nil {
		return fmt.Errorf("confirm %s: %w", s.Service, err)
	}
	return nil
}

// Undo has nothing to do.
func (s *ConfirmStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *ConfirmStep) Line() Line {
	return Line{Verb: "confirm", Object: s.Service, Detail: "reads who serves"}
}
