package cli

import (
	"strings"
	"testing"

	"gapless/internal/update"
)

// TestRollbackAgain goes one further back each time, and never to what an
// earlier rollback left.
func TestRollbackAgain(t *testing.T) {
	store, lock := lockedStore(t)
	s := &session{store: store}
	next := 0
	record := func(backTo int) {
		t.Helper()
		next++
		release := update.Release{Format: update.ReleaseFormat, Project: "shop", Number: next, Previous: next - 1, BackTo: backTo}
		if err := lock.SaveRelease(release); err != nil {
			t.Fatal(err)
		}
	}
	goesTo := func(want int) {
		t.Helper()
		if target, err := s.rollbackTarget(0); err != nil || target.Number != want {
			t.Errorf("from release %d: %d, %v; want %d", next, target.Number, err, want)
		}
	}
	record(0)
	record(0)
	record(0) // the bad one
	goesTo(2)
	record(2)
	goesTo(1)
	record(1)
	if _, err := s.rollbackTarget(0); err == nil || !strings.Contains(err.Error(), "release 1 is the first one") {
		t.Errorf("before the first one: %v", err)
	}
	if target, err := s.rollbackTarget(3); err != nil || target.Number != 3 {
		t.Errorf("by number: %d, %v", target.Number, err)
	}
	record(0)
	goesTo(5)
	record(5)
	if _, err := s.rollbackTarget(0); err == nil || !strings.Contains(err.Error(), "release 1 is the first one") {
		t.Errorf("before the first one, of which two releases are copies: %v", err)
	}
}
