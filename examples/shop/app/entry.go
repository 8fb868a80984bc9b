package main

import "time"

// Entry is one line of the journal. The queue and the keys are views of the
// journal: nothing is stored twice.
type Entry struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	By      string    `json:"by"`
	Version string    `json:"version"`
	Value   string    `json:"value,omitempty"`
}

// Kinds of entries.
const (
	orderStarted  = "order-started"
	orderFinished = "order-finished"
	jobQueued     = "job-queued"
	jobTaken      = "job-taken"
	jobDone       = "job-done"
	tick          = "tick"
	keySet        = "key-set"
)

// note makes an entry in the name of this process; the store numbers and
// dates it.
func note(kind, id string) Entry {
	return Entry{Kind: kind, ID: id, By: instance(), Version: version}
}
