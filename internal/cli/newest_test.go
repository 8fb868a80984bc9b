package cli

import (
	"errors"
	"testing"
	"time"

	"gapless/internal/update"
)

// The release is what its run made, also when the clock went back in between.
func TestMadeByARun(t *testing.T) {
	now := time.Now()
	containers := []update.Container{
		{Name: "old", ImageID: "1", Run: "run1", Created: now},
		{Name: "new", ImageID: "2", Run: "run2", Created: now.Add(-time.Hour)},
		{Name: "kept", ImageID: "2", Run: "run0", Created: now.Add(-2 * time.Hour)},
	}
	if made := madeBy("run2", containers); len(made) != 2 || made[0].Name != "new" || made[1].Name != "kept" {
		t.Errorf("made: %v", made)
	}
	if made := madeBy("run3", containers); len(made) != 1 || made[0].Name != "old" {
		t.Errorf("untouched: %v", made)
	}
	if found := newestOf(foundBefore("run1", containers)); len(found) != 2 {
		t.Errorf("found: %v", found)
	}
}

// An engine that is busy for a moment does not cost the record.
func TestRecordIsTriedAgain(t *testing.T) {
	tries := 0
	act := func() error {
		if tries++; tries < 3 {
			return errors.New("busy")
		}
		return nil
	}
	if err := retried(t.Context(), []time.Duration{0, 0, 0}, act); err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
