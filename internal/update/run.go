package update

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrInterrupted says that the user asked to stop; everything was undone.
var ErrInterrupted = errors.New("interrupted")

// Outcome is how a run ended and why.
type Outcome struct {
	Result Result
	// Cause is what went wrong; nil if nothing did.
	Cause error
	// Stuck is why the undo could not finish; nil unless Result is held.
	Stuck error
	// Failed is what the run was doing; its zero value says that nothing failed.
	Failed Place
	// Undone lists what was undone, in that order.
	Undone []Line
	// Watch is what the watch found out; nil if there was none, or it was cut short.
	Watch *WatchVerdict
	// Took is the time of each step, or part of one, that was done.
	Took map[Place]time.Duration
}

// Run carries out a plan, step by step. Before a step acts, its intent is on
// disk; the one decide entry is the commit point.
type Run struct {
	Plan *Plan
	Env  *Env
	// Interrupted is asked between steps; a closed channel makes the run
	// finish its step and undo everything.
	Interrupted <-chan struct{}
	// Abort makes a resume undo what it could also go on to watch.
	Abort bool

	done   map[int]bool // steps that an earlier process did
	undone map[int]bool // and those that it undid
	lines  []Line       // of the steps that this process undid

	mu     sync.Mutex // parts of a step end at the same time
	took   map[Place]time.Duration
	failed Place
}

// Execute begins the plan in the journal and carries it out.
//
// It returns an error only where the journal failed or the context was
// cancelled: then nothing more may be touched and a resume is due. Everything
// else is an Outcome.
func (r *Run) Execute(ctx context.Context) (Outcome, error) {
	if err := r.append(Entry{Kind: EntryBegin, Plan: r.Plan}); err != nil {
		return Outcome{}, err
	}
	r.Env.interrupted = r.Interrupted
	r.emit(Event{Kind: EventRunStarted, Text: r.Plan.Because})
	return r.forward(ctx, 1)
}

// forward does all steps from the given one to the commit point, then commits.
func (r *Run) forward(ctx context.Context, first int) (Outcome, error) {
	steps := r.Plan.Steps()
	for number := first; number <= r.Plan.commitIndex(); number++ {
		step := steps[number-1]
		cause, err := r.do(ctx, number, step)
		if err != nil {
			return Outcome{}, err
		}
		var shared *SharedFaultError
		if errors.As(cause, &shared) { // the old version would not work either
			return r.end(Outcome{Result: ResultHeld, Stuck: cause, Failed: r.failedAt(number)})
		}
		if cause != nil {
			return r.rollBack(ctx, number, cause, r.failedAt(number))
		}
	}
	if err := r.append(Entry{Kind: EntryDecide, Decide: DecideCommit}); err != nil {
		// Nothing was decided: what cannot be written down is not done.
		return r.rollBack(ctx, r.Plan.commitIndex(), fmt.Errorf("commit: %w", err), Place{Step: r.Plan.commitIndex()})
	}
	r.emit(Event{Kind: EventCommitted})
	return r.finish(ctx)
}

// finish does the steps after the commit point. They only tidy up: one that
// fails is said and does not undo an update that serves.
func (r *Run) finish(ctx context.Context) (Outcome, error) {
	steps := r.Plan.Steps()
	var failures []error
	for number := r.Plan.commitIndex() + 1; number <= len(steps); number++ {
		if r.done[number] {
			continue // a second look would take what it removed for somebody else's doing
		}
		cause, err := r.attempt(ctx, number, steps[number-1])
		if err != nil {
			return Outcome{}, err
		}
		if _, isRecord := steps[number-1].(*RecordStep); isRecord && cause != nil {
			// Without its record the release could not be found again: the old
			// containers stay, and a resume tries again.
			return r.end(Outcome{Result: ResultHeld, Stuck: cause, Failed: Place{Step: number}})
		}
		failures = append(failures, cause)
	}
	return r.end(Outcome{Result: ResultCommitted, Cause: errors.Join(failures...)})
}

// do is attempt, unless the user wants to stop.
func (r *Run) do(ctx context.Context, number int, step Step) (cause, err error) {
	select {
	case <-r.Interrupted:
		r.emit(Event{Kind: EventInterrupting})
		return ErrInterrupted, nil
	default:
		return r.attempt(ctx, number, step)
	}
}

// attempt journals the intent, acts and journals the result. The first error
// is the step's, the second the journal's or the context's.
func (r *Run) attempt(ctx context.Context, number int, step Step) (cause, err error) {
	if err := r.append(Entry{Kind: EntryIntent, Step: number}); err != nil {
		return fmt.Errorf("announce the step: %w", err), nil // the journal may still take the way back
	}
	cause = r.perform(ctx, number, step)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var shared *SharedFaultError
	if errors.As(cause, &shared) {
		return cause, nil // it did not fail: a resume does it again
	}
	if cause != nil {
		return cause, r.append(Entry{Kind: EntryFail, Step: number, Why: cause.Error()})
	}
	return nil, r.append(Entry{Kind: EntryDone, Step: number})
}

// perform does a step; one that only waits ends as soon as the user wants to
// stop.
func (r *Run) perform(ctx context.Context, number int, step Step) error {
	if !onlyWaits(step) || r.Interrupted == nil {
		return r.act(ctx, number, step, r.forwards())
	}
	waits, cancel := context.WithCancel(ctx)
	defer cancel()
	var failure error
	done := make(chan *carriedPanic, 1)
	go func() { done <- caught(func() { failure = r.act(waits, number, step, r.forwards()) }) }()
	select {
	case carried := <-done:
		if carried != nil {
			panic(carried)
		}
		return failure
	case <-r.Interrupted:
		r.emit(Event{Kind: EventInterrupting})
		cancel()
		<-done // it ends by itself: its context did
		r.emit(Event{Kind: EventStepFailed, Step: number, Line: step.Line(), Err: ErrInterrupted})
		return ErrInterrupted
	}
}

// rollBack decides against the new release and undoes the steps up to the
// given one.
func (r *Run) rollBack(ctx context.Context, upTo int, cause error, failed Place) (Outcome, error) {
	if err := r.append(Entry{Kind: EntryDecide, Decide: DecideRollback, Why: cause.Error()}); err != nil {
		return Outcome{}, err
	}
	return r.undo(ctx, upTo, cause, failed)
}

// undo undoes the steps from the given one back to the first. It stops at the
// first that cannot be undone: what serves then is kept, because taking the
// new version away as well would leave nothing.
func (r *Run) undo(ctx context.Context, upTo int, cause error, failed Place) (Outcome, error) {
	r.emit(Event{Kind: EventUndoing, Err: cause})
	steps := r.Plan.Steps()
	for number := upTo; number >= 1; number-- {
		if r.undone[number] {
			continue // a second undo would act on a world that went on
		}
		stuck, err := r.undoStep(ctx, number, steps[number-1])
		if err != nil {
			return Outcome{}, err
		}
		if stuck != nil {
			stuck = fmt.Errorf("undo %s %s: %w", steps[number-1].Line().Verb, steps[number-1].Line().Object, stuck)
			return r.end(Outcome{Result: ResultHeld, Cause: cause, Stuck: stuck, Failed: failed})
		}
	}
	result := r.undoneResult(upTo)
	if result == ResultRolledBack {
		cause = errors.Join(cause, r.foreign(ctx), r.migrated(upTo, failed))
	}
	return r.end(Outcome{Result: result, Cause: cause, Failed: failed})
}

// undoStep undoes one step, journalled like a step forward.
func (r *Run) undoStep(ctx context.Context, number int, step Step) (stuck, err error) {
	if err := r.append(Entry{Kind: EntryUndo, Step: number}); err != nil {
		return nil, err
	}
	stuck = r.act(ctx, number, step, r.backwards())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if stuck != nil {
		return stuck, nil
	}
	for _, row := range rowsOf(number, step) {
		r.lines = append(r.lines, row.Line)
	}
	return nil, r.append(Entry{Kind: EntryUndone, Step: number})
}

// patience is how long an undo waits for a part that is away.
const (
	patience      = 2 * time.Minute
	patiencePause = 500 * time.Millisecond
)

// persist repeats an act as long as what it needs is away.
func (r *Run) persist(ctx context.Context, act func() error) error {
	end := r.Env.Clock.Now().Add(patience)
	for {
		err := act()
		if err == nil || r.Env.Unavailable == nil || !r.Env.Unavailable(err) || !r.Env.Clock.Now().Before(end) {
			return err
		}
		if err := r.Env.Clock.Sleep(ctx, patiencePause); err != nil {
			return err
		}
	}
}

// end closes the run in the journal. A held run stays open there: a later
// resume tries again.
func (r *Run) end(outcome Outcome) (Outcome, error) {
	outcome.Took, outcome.Undone, outcome.Watch = r.took, r.lines, r.Env.verdict()
	entry := Entry{Kind: EntryEnd, Result: outcome.Result}
	switch {
	case outcome.Stuck != nil:
		entry.Why = outcome.Stuck.Error()
	case outcome.Cause != nil:
		entry.Why = outcome.Cause.Error()
	}
	if outcome.Result == ResultHeld {
		entry.Kind = EntryHold
	}
	if err := r.append(entry); err != nil {
		return outcome, err
	}
	r.emit(Event{Kind: EventRunEnded, Result: outcome.Result, Err: outcome.Cause})
	return outcome, nil
}

func (r *Run) append(entry Entry) error {
	entry.Run, entry.Time = r.Env.Run, r.Env.Clock.Now()
	return r.Env.Journal.Append(entry)
}

func (r *Run) emit(event Event) {
	event.Run, event.Time = r.Env.Run, r.Env.Clock.Now()
	r.Env.Sink.Emit(event)
}
