package cli

import (
	"errors"
	"fmt"
	"time"

	"gapless/internal/journal"
	"gapless/internal/update"
)

// replay turns the journal of a run into the events that its own process has
// shown. The journal knows whole steps: neither their parts nor their probes.
type replay struct {
	plan *update.Plan
	run  string
	seen int // entries that were turned

	begun    time.Time         // of the run
	ended    time.Time         // of its newest entry
	started  map[int]time.Time // by step
	current  int               // step that was begun last, or whose undo was; 0: none
	decision string
	result   update.Result // empty: it is under way
	why      string        // of the result
	failed   int           // step; 0: none
	undone   []update.Line
}

// newReplay begins a replay; the first entry of a journal has the plan.
func newReplay(records []journal.Record) (*replay, error) {
	if len(records) == 0 || records[0].Plan == nil {
		return nil, errors.New("the journal does not begin with a plan")
	}
	r := &replay{plan: records[0].Plan, run: records[0].Run, begun: records[0].Time, started: map[int]time.Time{}}
	if r.plan.Format != update.PlanFormat || r.plan.Unread != "" {
		return nil, &exitStatus{code: exitError, err: errors.New("the update was planned by another version of gapless"),
			hint: "watch it with the version of gapless that began it"}
	}
	return r, nil
}

// next returns the events of the entries that are new.
func (r *replay) next(records []journal.Record) []update.Event {
	var events []update.Event
	for _, record := range records[min(r.seen, len(records)):] {
		if event := r.event(record.Entry); event.Kind != "" {
			event.Run, event.Time = r.run, record.Time
			events = append(events, event)
		}
		r.ended = record.Time
	}
	r.seen = max(r.seen, len(records))
	return events
}

// event is what an entry tells; one without a kind tells nothing.
func (r *replay) event(entry update.Entry) update.Event {
	switch entry.Kind {
	case update.EntryBegin:
		return update.Event{Kind: update.EventRunStarted, Text: r.plan.Because}
	case update.EntryIntent:
		return r.start(entry, update.EventStepStarted)
	case update.EntryDone:
		return r.stop(entry, update.EventStepDone)
	case update.EntryFail:
		r.failed = entry.Step
		return r.stop(entry, update.EventStepFailed)
	case update.EntryUndo:
		return r.start(entry, update.EventUndoStarted)
	case update.EntryUndone:
		event := r.stop(entry, update.EventUndoDone)
		r.undone = append(r.undone, event.Line)
		return event
	}
	return r.aboutRun(entry)
}

// aboutRun is the event of an entry that is about no step.
func (r *replay) aboutRun(entry update.Entry) update.Event {
	switch entry.Kind {
	case update.EntryDecide:
		r.decision, r.why = entry.Decide, entry.Why
		if entry.Decide == update.DecideCommit {
			return update.Event{Kind: update.EventCommitted}
		}
		return update.Event{Kind: update.EventUndoing, Err: errors.New(entry.Why)}
	case update.EntryResume:
		r.result = ""
		return update.Event{Kind: update.EventResumed, Text: r.decision}
	case update.EntryHold:
		// A later resume may go on, so that this is not the end yet.
		r.result, r.why = update.ResultHeld, entry.Why
		return update.Event{Kind: update.EventNotice, Text: "held: " + entry.Why}
	case update.EntryEnd:
		r.result, r.why = entry.Result, entry.Why
		return update.Event{Kind: update.EventRunEnded, Result: entry.Result}
	}
	return update.Event{}
}

func (r *replay) start(entry update.Entry, kind update.EventKind) update.Event {
	r.started[entry.Step], r.current = entry.Time, entry.Step
	return update.Event{Kind: kind, Step: entry.Step, Line: r.line(entry.Step)}
}

func (r *replay) stop(entry update.Entry, kind update.EventKind) update.Event {
	event := update.Event{Kind: kind, Step: entry.Step, Line: r.line(entry.Step)}
	if began, known := r.started[entry.Step]; known {
		event.Duration = entry.Time.Sub(began)
	}
	if entry.Why != "" {
		event.Err = errors.New(entry.Why)
	}
	return event
}

// line is that of a whole step.
func (r *replay) line(step int) update.Line {
	row, _ := r.plan.Row(update.Place{Step: step})
	return row.Line
}

// position is how far it is, in words.
func (r *replay) position() string {
	if r.current == 0 {
		return "the beginning"
	}
	line := r.line(r.current)
	return fmt.Sprintf("step %d of %d: %s %s", r.current, len(r.plan.Steps()), line.Verb, line.Object)
}

// receipt is what the journal alone tells of the cost: the time.
func (r *replay) receipt() update.Receipt {
	return update.Receipt{Project: r.plan.Project, From: r.plan.From, To: r.plan.To, Strategy: r.plan.Strategy, Reason: r.plan.Because,
		Result: r.result, DurationMillis: r.ended.Sub(r.begun).Milliseconds()}
}
