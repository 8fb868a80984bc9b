package update

import (
	"context"
	"errors"
	"fmt"
)

// maxResumes bounds how often one run is resumed before a human must look.
const maxResumes = 5

// ErrNoRun says that the journal holds no run to resume.
var ErrNoRun = errors.New("there is no unfinished update")

// History is what the journal says about a run that did not end.
type History struct {
	Plan     *Plan
	Run      string
	Decision string // DecideCommit, DecideRollback or empty
	Why      string // of the decision
	HeldFor  string // reason of the last hold
	Failed   string // why a step failed that nothing was decided about yet
	Reached  int    // highest step with an intent
	Done     map[int]bool
	Undone   map[int]bool
	Notes    map[string][]string // of steps
	Resumes  int
	Held     bool
}

// ReadHistory sums up the entries of one run.
func ReadHistory(entries []Entry) (History, error) {
	h := History{}
	for _, entry := range entries {
		switch entry.Kind {
		case EntryBegin:
			h = History{Plan: entry.Plan, Run: entry.Run, Done: map[int]bool{}, Undone: map[int]bool{}, Notes: map[string][]string{}}
		case EntryIntent:
			h.Reached = max(h.Reached, entry.Step)
		case EntryDone:
			h.Done[entry.Step] = true
		case EntryNote:
			h.Notes[entry.Name] = entry.Values
		case EntryFail:
			h.Failed = entry.Why
		case EntryUndone:
			h.Undone[entry.Step] = true
		case EntryDecide:
			h.Decision, h.Why = entry.Decide, entry.Why
		case EntryResume:
			h.Resumes++
			h.Held = false
		case EntryHold:
			h.Held, h.HeldFor = true, entry.Why // the decision keeps its own reason
		case EntryEnd:
			return History{}, ErrNoRun
		}
	}
	if h.Plan == nil {
		return History{}, ErrNoRun
	}
	if h.Plan.Format != PlanFormat {
		return h, fmt.Errorf("the unfinished update was planned by another version of gapless (plan format %d, this one reads %d)", h.Plan.Format, PlanFormat)
	}
	if h.Plan.Unread != "" {
		return h, fmt.Errorf("the unfinished update was planned by another version of gapless: %s is unknown to this one", h.Plan.Unread)
	}
	return h, nil
}

// Watching is the number of the step that watches, if all before it is done and
// nothing speaks against going on with it; else 0.
func (h *History) Watching() int {
	first := 0
	for i, step := range h.Plan.Steps() {
		if _, is := step.(*WatchStep); is {
			first = i + 1
			break
		}
		if !h.Done[i+1] {
			return 0
		}
	}
	if h.Decision != "" || h.Failed != "" || len(h.Undone) > 0 {
		return 0
	}
	return first
}

// Resume ends a run that died: after the commit point it goes forward, before
// it back, but for a watch, which goes on. It may die itself at any point and be
// called again. A person who asks for it is not bound by the limit of attempts:
// insist lifts it.
func (r *Run) Resume(ctx context.Context, h History, insist bool) (Outcome, error) {
	r.Plan, r.Env.Run, r.done, r.undone = h.Plan, h.Run, h.Done, h.Undone
	r.Env.interrupted = r.Interrupted
	for name, values := range h.Notes {
		r.Env.keep(name, values)
	}
	if h.Resumes >= maxResumes && !insist {
		return Outcome{Result: ResultHeld, Stuck: fmt.Errorf("this update was resumed %d times without an end", h.Resumes)}, nil
	}
	if err := r.append(Entry{Kind: EntryResume}); err != nil {
		return Outcome{}, err
	}
	r.emit(Event{Kind: EventResumed, Text: h.Decision})
	if h.Decision == DecideCommit {
		return r.finish(ctx)
	}
	if first := h.Watching(); first > 0 && !r.Abort {
		return r.forward(ctx, first)
	}
	cause := errors.New("the update was interrupted: gapless or the host stopped in the middle")
	switch {
	case r.Abort && h.Watching() > 0:
		cause = errors.New("aborted while the new version was watched")
	case h.Failed != "":
		cause = errors.New(h.Failed)
	}
	if h.Decision == DecideRollback {
		cause = errors.New(h.Why)
	}
	r.rearm(ctx, h)
	if h.Decision == "" {
		return r.rollBack(ctx, h.Reached, cause, Place{})
	}
	return r.undo(ctx, h.Reached, cause, Place{})
}

// rearm repeats the holds that were in force when the run died. Where the edge
// cannot be reached there is nobody to hold; the undo itself will say so.
func (r *Run) rearm(ctx context.Context, h History) {
	held := map[string]*HoldStep{}
	for i, step := range r.Plan.Steps()[:h.Reached] {
		switch s := step.(type) {
		case *HoldStep:
			if !h.Undone[i+1] {
				held[s.Service] = s
			}
		case *ReleaseStep:
			if h.Done[i+1] && !h.Undone[i+1] {
				delete(held, s.Service)
			}
		}
	}
	for _, step := range held {
		if err := step.rearm(ctx, r.Env); err != nil {
			r.emit(Event{Kind: EventNotice, Line: step.Line(), Text: "cannot hold again: " + err.Error()})
		}
	}
}
