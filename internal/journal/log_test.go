package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	store, err := Open(filepath.Join(t.TempDir(), "state"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func openJournal(t *testing.T, store *Store) (*Lock, *Log) {
	t.Helper()
	lock, err := store.Lock(Self("", "gapless update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Unlock() })
	log, err := lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	return lock, log
}

func mustAppend(t *testing.T, log *Log, entries ...update.Entry) {
	t.Helper()
	for _, entry := range entries {
		if err := log.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
}

var testPlan = &update.Plan{Format: 1, Project: "shop", To: 1, Strategy: "rolling",
	Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.RemoveStep{Name: "shop-api-1", ID: "abc"}}}}}

func testRun(run string) []update.Entry {
	return []update.Entry{
		{Kind: update.EntryBegin, Run: run, Plan: testPlan},
		{Kind: update.EntryIntent, Run: run, Step: 1},
		{Kind: update.EntryDone, Run: run, Step: 1},
		{Kind: update.EntryDecide, Run: run, Decide: update.DecideCommit, Why: "line\nbreak"},
	}
}

func TestAppendAndReadBack(t *testing.T) {
	store := openStore(t)
	_, log := openJournal(t, store)
	mustAppend(t, log, testRun("01A")...)
	open, err := store.Unfinished()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(testPlan)
	got, _ := json.Marshal(open[0].Plan)
	if len(open) != 4 || !bytes.Equal(got, want) || open[3].Why != "line\nbreak" || open[0].Time.IsZero() {
		t.Errorf("read back %+v", open)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryEnd, Run: "01A", Result: update.ResultCommitted})
	if open, err := store.Unfinished(); open != nil || err != nil {
		t.Errorf("after the end: %v, %v", open, err)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryBegin, Run: "01B"})
	runs, _ := store.Runs()
	kept, err := store.RunRecords("01A")
	if diff := cmp.Diff([]string{"01A"}, runs); diff != "" || err != nil || len(kept) != 5 {
		t.Errorf("%s %v, %d records", diff, err, len(kept))
	}
}

func TestAppendRefusesWhatNoReaderUnderstands(t *testing.T) {
	_, log := openJournal(t, openStore(t))
	mustFail := func(entry update.Entry, want string) {
		t.Helper()
		if err := log.Append(entry); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", entry, err, want)
		}
	}
	mustFail(update.Entry{Kind: update.EntryDone, Run: "01A"}, "belongs to no run")
	mustFail(update.Entry{Kind: update.EntryBegin, Run: "../x"}, "cannot name a run")
	mustFail(update.Entry{Kind: "dance", Run: "01A"}, "is unknown")
	mustAppend(t, log, testRun("01A")...)
	mustFail(update.Entry{Kind: update.EntryBegin, Run: "01B"}, "has not ended")
	mustFail(update.Entry{Kind: update.EntryDone, Run: "01B"}, "run 01A is open")
	mustFail(update.Entry{Kind: update.EntryDone, Run: "01A", Why: strings.Repeat("x", maxFrameBytes)}, "more than the")
}

func TestOnlyTheNewestRunsAreKept(t *testing.T) {
	disk := newMemoryFiles()
	if err := layOut(disk); err != nil {
		t.Fatal(err)
	}
	log, err := openLog(disk, "/state", "test")
	if err != nil {
		t.Fatal(err)
	}
	for i := range keptRuns + 10 {
		run := fmt.Sprintf("run%03d", i)
		mustAppend(t, log, update.Entry{Kind: update.EntryBegin, Run: run}, update.Entry{Kind: update.EntryEnd, Run: run})
	}
	names, _ := disk.list(runsName)
	if len(names) != keptRuns || names[0] != "run009.log" {
		t.Errorf("%d journals are kept, the oldest is %s", len(names), names[0])
	}
}

func TestFailedSyncIsFatal(t *testing.T) {
	for _, operation := range []string{"write", "sync"} {
		disk := newMemoryFiles()
		if err := layOut(disk); err != nil {
			t.Fatal(err)
		}
		log, _ := openLog(disk, "/state", "test")
		mustAppend(t, log, testRun("01A")[:2]...)
		broken := errors.New("input/output error")
		disk.fail = func(did, name string) error {
			if did == operation {
				return broken
			}
			return nil
		}
		first := log.Append(testRun("01A")[2])
		disk.fail = nil
		second := log.Append(testRun("01A")[2])
		if !errors.Is(first, broken) || first != second {
			t.Errorf("%s: first %v, then %v", operation, first, second)
		}
	}
}

// On a full disk no further step begins, and the way back is journalled.
func TestFullDisk(t *testing.T) {
	disk := newMemoryFiles()
	if err := layOut(disk); err != nil {
		t.Fatal(err)
	}
	log, _ := openLog(disk, "/state", "test")
	log.ballast = 64
	mustAppend(t, log, testRun("01A")[0])
	disk.fail = func(did, name string) error {
		if _, err := disk.sizeOf(ballastName); did == "write" && err == nil {
			return unix.ENOSPC
		}
		return nil
	}
	if err := log.Append(testRun("01A")[1]); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("a step began on a full disk: %v", err)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryDecide, Run: "01A", Decide: update.DecideRollback},
		update.Entry{Kind: update.EntryEnd, Run: "01A", Result: update.ResultRolledBack})
	content, err := readLog(disk, "/state")
	if err != nil || len(content.records) != 3 {
		t.Errorf("%d records, %v", len(content.records), err)
	}
}

func TestFullTmpfs(t *testing.T) {
	directory := t.TempDir()
	if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "size=20m,mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	defer unix.Unmount(directory, unix.MNT_DETACH)
	store, err := Open(filepath.Join(directory, "state"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Room(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("20 MiB are called enough: %v", err)
	}
	lock, log := openJournal(t, store)
	mustAppend(t, log, testRun("01A")[0])
	fill := fillDisk(t, filepath.Join(directory, "filler"))
	var last error
	for range 100000 {
		if last = log.Append(testRun("01A")[1]); last != nil {
			break
		}
	}
	if !errors.Is(last, ErrDiskFull) {
		t.Fatalf("a full disk gives %v", last)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryDecide, Run: "01A", Decide: update.DecideRollback, Why: "disk full"},
		update.Entry{Kind: update.EntryEnd, Run: "01A", Result: update.ResultRolledBack})
	if open, err := store.Unfinished(); open != nil || err != nil {
		t.Errorf("%v, %v", open, err)
	}
	fill()
	if err := log.Append(update.Entry{Kind: update.EntryBegin, Run: "01B"}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("an update begins on a full disk: %v", err)
	}
	_ = lock.Unlock()
}

// fillDisk takes all room there is, and again when it is called.
func fillDisk(t *testing.T, path string) func() {
	fill := func() {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for chunk := 1 << 20; chunk > 0; chunk /= 2 {
			for {
				if _, err := f.Write(make([]byte, chunk)); err != nil {
					break
				}
			}
		}
	}
	fill()
	return fill
}
