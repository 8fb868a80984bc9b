package update

import (
	"context"
	"errors"
	"strings"
)

// ForeignError says that the old release is not wholly back, because somebody
// else replaced or removed containers of it during the update.
type ForeignError struct{ Containers []string }

func (e *ForeignError) Error() string {
	return "somebody else replaced or removed " + strings.Join(e.Containers, ", ") + " during the update; that was left as it is"
}

// foreign compares the containers that ran before with those that are there
// after everything was undone.
func (r *Run) foreign(ctx context.Context) error {
	var names []string
	for _, old := range r.Plan.stops() {
		c, err := r.Env.Containers.Inspect(ctx, old.Name)
		if errors.Is(err, ErrNoContainer) || err == nil && c.ID != old.ID {
			names = append(names, old.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &ForeignError{Containers: names}
}

// stops lists the steps that stop old containers.
func (p *Plan) stops() []*StopStep {
	var stops []*StopStep
	add := func(step Step) {
		switch s := step.(type) {
		case *StopStep:
			stops = append(stops, s)
		case *RestartStep:
			stops = append(stops, &s.StopStep)
		}
	}
	for _, step := range p.Steps() {
		add(step)
		if together, ok := step.(*ParallelStep); ok {
			for _, part := range together.Steps {
				add(part.Step)
			}
		}
	}
	return stops
}
