package update

import "time"

// EventKind names what happened.
type EventKind string

// The events of a run, in the order in which they can appear.
const (
	EventRunStarted   EventKind = "run-started"
	EventStepStarted  EventKind = "step-started"
	EventStepDone     EventKind = "step-done"
	EventStepFailed   EventKind = "step-failed"
	EventProbe        EventKind = "probe"
	EventProgress     EventKind = "progress" // how far a long step is
	EventNotice       EventKind = "notice"
	EventUndoing      EventKind = "undoing"
	EventUndoStarted  EventKind = "undo-started"
	EventUndoDone     EventKind = "undo-done"
	EventUndoFailed   EventKind = "undo-failed"
	EventCommitted    EventKind = "committed"
	EventRunEnded     EventKind = "run-ended"
	EventResumed      EventKind = "resumed"
	EventInterrupting EventKind = "interrupting"
)

// Event is one thing that happened in a run, for renderers to show.
type Event struct {
	Time     time.Time     `json:"time"`
	Kind     EventKind     `json:"kind"`
	Run      string        `json:"run"`
	Step     int           `json:"step"`           // counted from 1; 0 if it is about the whole run
	Part     int           `json:"part,omitempty"` // of a parallel step, counted from 1; 0 if it is about the whole step
	Line     Line          `json:"line,omitzero"`
	Duration time.Duration `json:"duration,omitempty"`
	Text     string        `json:"text,omitempty"`
	Probe    *Probe        `json:"probe,omitempty"`
	Err      error         `json:"-"`
	Result   Result        `json:"result,omitempty"`
}

// Place is where in its plan the event happened.
func (e Event) Place() Place { return Place{e.Step, e.Part} }
