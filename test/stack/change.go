package stack

import "context"

// Apply does what the developers push as the named change, and pulls it; see
// stack.sh changes.
func (s *Stack) Apply(ctx context.Context, change string) error {
	_, err := s.output(ctx, s.script, "apply", s.Directory, change)
	return err
}

// Push is Apply without the pull.
func (s *Stack) Push(ctx context.Context, change string) error {
	_, err := s.output(ctx, s.script, "push", s.Directory, change)
	return err
}

// Revert takes back what was pushed last, and pulls that.
func (s *Stack) Revert(ctx context.Context) error {
	_, err := s.output(ctx, s.script, "revert", s.Directory)
	return err
}

// Set changes settings of the server, each KEY=VALUE, in its .env.
func (s *Stack) Set(ctx context.Context, settings ...string) error {
	_, err := s.output(ctx, s.script, append([]string{"set", s.Directory}, settings...)...)
	return err
}
