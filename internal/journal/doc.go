// Package journal remembers what Gapless did to one project, so that a run
// that was killed at any instruction can be ended by the next one.
//
// It owns the state directory of a project: the lock, the append-only journal
// of the run under way, the journals of earlier runs and the releases. An
// entry is on disk before Append returns. It must not decide what an entry
// means, know Docker, or repair a journal by guessing: what it cannot read it
// reports, and the caller holds.
package journal
