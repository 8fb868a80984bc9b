package journal

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

func TestMoveIsKeptUntilItIsDropped(t *testing.T) {
	store := openStore(t)
	lock, err := store.Lock(Self("", "gapless update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, err := store.Move(); !errors.Is(err, ErrNoMove) {
		t.Errorf("before: %v", err)
	}
	want := update.Move{Before: update.Revision{Directory: "/srv", Commit: "a", Branch: "main"}, To: "b"}
	if err := lock.SaveMove(want); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Move(); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if err := errors.Join(lock.DropMove(), lock.DropMove()); err != nil {
		t.Error(err)
	}
	if _, err := store.Move(); !errors.Is(err, ErrNoMove) {
		t.Errorf("after: %v", err)
	}
}

// What SaveMove promised is there after a loss of power: the checkout is moved
// only then.
func TestMoveSurvivesALossOfPower(t *testing.T) {
	disk := newMemoryFiles()
	lock := &Lock{store: &Store{disk: disk, path: "/state"}}
	move := update.Move{Before: update.Revision{Commit: "a"}, To: "b"}
	if err := lock.SaveMove(move); err != nil {
		t.Fatal(err)
	}
	for way := range 20 {
		after := disk.afterPowerLoss(rand.New(rand.NewPCG(1, uint64(way))), way == 0)
		if got, err := (&Store{disk: after, path: "/state"}).Move(); err != nil || got != move {
			t.Errorf("way %d: %+v, %v", way, got, err)
		}
	}
}

// What was told, and what was counted, is not told and counted again after a loss of
// power.
func TestToldSurvivesALossOfPower(t *testing.T) {
	disk := newMemoryFiles()
	lock := &Lock{store: &Store{disk: disk, path: "/state"}}
	if told, err := lock.store.Told(); err != nil || told.Run != "" {
		t.Errorf("before: %+v, %v", told, err)
	}
	told := update.Told{Run: "run1", Channels: map[string]update.ToldChannel{"slack": {Result: update.ResultHeld, Sent: "7"}}}
	tally := update.Tally{Through: "run1", Rollbacks: map[string]int64{"gate": 2}}
	if err := errors.Join(lock.SaveTold(update.Told{Run: "run0"}), lock.SaveTold(told), lock.SaveTally(tally)); err != nil {
		t.Fatal(err)
	}
	for way := range 20 {
		after := &Store{disk: disk.afterPowerLoss(rand.New(rand.NewPCG(1, uint64(way))), way == 0), path: "/state"}
		gotTold, err := after.Told()
		gotTally, tallyErr := after.Tally()
		if diff := cmp.Diff(told, gotTold) + cmp.Diff(tally, gotTally); diff != "" || err != nil || tallyErr != nil {
			t.Errorf("way %d: %s, %v, %v", way, diff, err, tallyErr)
		}
	}
}
