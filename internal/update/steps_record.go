package update

import (
	"context"
	"fmt"
)

// Recorder writes release records.
type Recorder interface {
	// Record writes the release with that number from what runs now, and pins
	// its images so that a prune leaves them. A record that exists is kept.
	Record(ctx context.Context, number int, adopted bool) error
}

// RecordStep writes down what a release consists of.
type RecordStep struct {
	Release int  `json:"release"`
	Adopted bool `json:"adopted,omitempty"` // found running, before the first update
}

// Do records.
func (s *RecordStep) Do(ctx context.Context, env *Env) error {
	return env.Recorder.Record(ctx, s.Release, s.Adopted)
}

// Undo has nothing to do: a record of what runs stays true.
func (s *RecordStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *RecordStep) Line() Line {
	if s.Adopted {
		return Line{Verb: "adopt", Object: fmt.Sprintf("release %d", s.Release), Detail: "what runs now, with its images pinned"}
	}
	return Line{Verb: "record", Object: fmt.Sprintf("release %d", s.Release), Detail: "images pinned for a rollback"}
}
