package cli

import (
	"testing"

	"gapless/internal/update"
)

// Only an update that looks at its new version now is taken back by a rollback
// beside it: before that the old version serves anyway, afterwards it is decided.
func TestOnlyAWatchIsTakenBack(t *testing.T) {
	store, lock := lockedStore(t)
	log, err := lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	plan := &update.Plan{Format: update.PlanFormat, From: 1, To: 2, Phases: []update.Phase{
		{Name: update.PhaseShift, Steps: []update.Step{&update.StartStep{Service: "api", Name: "shop-api-2"}}},
		{Name: update.PhaseWatch, Steps: []update.Step{&update.WatchStep{For: 1}}},
		{Name: update.PhaseCommit, Steps: []update.Step{&update.RecordStep{Release: 2}}},
	}}
	s := &session{store: store}
	for _, c := range []struct {
		entry   update.Entry
		watched bool
	}{
		{update.Entry{Kind: update.EntryBegin, Plan: plan}, false},
		{update.Entry{Kind: update.EntryIntent, Step: 1}, false},
		{update.Entry{Kind: update.EntryDone, Step: 1}, false},
		{update.Entry{Kind: update.EntryIntent, Step: 2}, true},
		{update.Entry{Kind: update.EntryNote, Name: "watch", Values: []string{"{}"}}, true},
		{update.Entry{Kind: update.EntryFail, Step: 2, Why: "the new version is worse"}, false},
	} {
		c.entry.Run = "0123456789ababcdefghij"
		if err := log.Append(c.entry); err != nil {
			t.Fatal(err)
		}
		history, err := s.watched()
		if err != nil || (history != nil) != c.watched {
			t.Errorf("after %s of step %d: %+v, %v", c.entry.Kind, c.entry.Step, history, err)
		}
	}
}
