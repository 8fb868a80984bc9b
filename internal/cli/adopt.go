package cli

import (
	"context"
	"fmt"
	"time"

	"gapless/internal/update"
)

// adoptUnrecorded records what runs where no release says so although nothing
// has to change, so that the next update knows what did. No container is
// touched.
func (s *session) adoptUnrecorded(ctx context.Context, state update.State, plan update.Plan) error {
	newest := 0
	if state.Release != nil {
		newest = state.Release.Number
	}
	if !plan.Empty() || plan.From <= newest {
		return nil
	}
	r := recorder{session: s, run: newRunID(), times: func(string) map[string]time.Duration { return nil }}
	if err := r.Record(ctx, plan.From, true); err != nil {
		return fmt.Errorf("record what runs: %w", err)
	}
	_, err := fmt.Fprintf(s.app.err, "%s: what runs is recorded as release %d; nothing was touched\n", s.project.Name, plan.From)
	return err
}
