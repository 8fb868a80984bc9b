package update

import "time"

// EntryKind names an entry of the journal.
type EntryKind string

// The entries of a journal. A run starts with begin and finishes with end;
// one decide entry is its commit point.
const (
	EntryBegin  EntryKind = "begin"
	EntryIntent EntryKind = "intent"
	EntryDone   EntryKind = "done"
	EntryFail   EntryKind = "fail"
	EntryUndo   EntryKind = "undo"
	EntryUndone EntryKind = "undone"
	EntryDecide EntryKind = "decide"
	EntryResume EntryKind = "resume"
	EntryHold   EntryKind = "hold" // could not be ended; a later resume tries again
	EntryEnd    EntryKind = "end"
	EntryNote   EntryKind = "note" // what a step has to know again when it is undone
)

// The values of a decide entry.
const (
	DecideCommit   = "commit"
	DecideRollback = "rollback"
)

// Entry is one fact of a run.
type Entry struct {
	Kind   EntryKind `json:"k"`
	Run    string    `json:"run"`
	Time   time.Time `json:"wall"`
	Step   int       `json:"step,omitempty"` // counted from 1
	Decide string    `json:"decide,omitempty"`
	Why    string    `json:"why,omitempty"`
	Plan   *Plan     `json:"plan,omitempty"`   // of begin
	Result Result    `json:"result,omitempty"` // of end
	Name   string    `json:"name,omitempty"`   // of a note
	Values []string  `json:"values,omitempty"` // of a note
}

// Result is how a run ended.
type Result string

// The results of a run.
const (
	ResultCommitted  Result = "committed"
	ResultRolledBack Result = "rolled_back"
	ResultAborted    Result = "aborted" // nothing had been changed yet
	ResultHeld       Result = "held"    // a human must look; what serves was kept
)
