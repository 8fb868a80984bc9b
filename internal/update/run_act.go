package update

import (
	"context"
	"time"
)

// direction is what is done with a step, and the events that tell of it.
type direction struct {
	started, done, failed EventKind
	act                   func(ctx context.Context, step Step) error
	together              func(s *ParallelStep, ctx context.Context, env *Env, act partAct) error
}

func (r *Run) forwards() direction {
	return direction{EventStepStarted, EventStepDone, EventStepFailed,
		func(ctx context.Context, step Step) error { return step.Do(ctx, r.Env) }, (*ParallelStep).do}
}

func (r *Run) backwards() direction {
	return direction{EventUndoStarted, EventUndoDone, EventUndoFailed,
		func(ctx context.Context, step Step) error {
			return r.persist(ctx, func() error { return step.Undo(ctx, r.Env) })
		}, (*ParallelStep).undo}
}

// act does or undoes a step. The parts of a parallel one are told one by one.
func (r *Run) act(ctx context.Context, number int, step Step, d direction) error {
	together, ok := step.(*ParallelStep)
	if !ok {
		return r.tell(ctx, Place{Step: number}, step, d)
	}
	return d.together(together, ctx, r.Env, func(ctx context.Context, part int, step Step) error {
		return r.tell(ctx, Place{Step: number, Part: part}, step, d)
	})
}

// tell does or undoes what has no parts, and says so. Of what was cut off
// nothing is said: it neither came to its end nor failed.
func (r *Run) tell(ctx context.Context, at Place, step Step, d direction) error {
	event := Event{Kind: d.started, Step: at.Step, Part: at.Part, Line: step.Line()}
	r.emit(event)
	began := r.Env.Clock.Now()
	err := d.act(ctx, step)
	event.Duration = r.Env.Clock.Now().Sub(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	event.Kind, event.Err = d.done, err
	if err != nil {
		event.Kind = d.failed
	}
	r.note(at, event)
	r.emit(event)
	return err
}

// note keeps what the outcome says of a step.
func (r *Run) note(at Place, event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch event.Kind {
	case EventStepDone:
		if r.took == nil {
			r.took = map[Place]time.Duration{}
		}
		r.took[at] = event.Duration
	case EventStepFailed:
		if r.failed.Step == 0 {
			r.failed = at
		}
	}
}

// failedAt is the part of a step that failed first, or the step itself.
func (r *Run) failedAt(number int) Place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed.Step == number {
		return r.failed
	}
	return Place{Step: number}
}
