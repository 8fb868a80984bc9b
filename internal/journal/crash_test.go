package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gapless/internal/update"
)

// promises are what the journal said was on disk.
type promises struct {
	entries  map[string][]update.EntryKind // by run
	ended    []string
	releases []int
	pending  string
	ballast  bool
}

// useStore does what one update after another does, and notes each promise
// as it is given. It stops at the first error.
func useStore(disk files, p *promises) error {
	p.entries = map[string][]update.EntryKind{}
	if err := layOut(disk); err != nil {
		return err
	}
	if err := saveRelease(disk, testRelease("adopted", 1)); err != nil {
		return err
	}
	p.releases = append(p.releases, 1)
	log, err := openLog(disk, "/state", "test")
	if err != nil {
		return err
	}
	log.ballast = 64
	if err := oneRun(disk, log, p, "run1", 2); err != nil {
		return err
	}
	return oneRun(disk, log, p, "run2", 3)
}

func oneRun(disk files, log *Log, p *promises, run string, number int) error {
	add := func(kind update.EntryKind) error {
		entry := update.Entry{Kind: kind, Run: run}
		if kind == update.EntryDecide {
			entry.Decide = update.DecideCommit
		}
		err := log.Append(entry)
		if err == nil {
			p.entries[run] = append(p.entries[run], kind)
		}
		return err
	}
	if err := add(update.EntryBegin); err != nil {
		return err
	}
	p.ballast = true
	if err := savePending(disk, testRelease(run, number)); err != nil {
		return err
	}
	p.pending = run
	for _, kind := range []update.EntryKind{update.EntryIntent, update.EntryDone, update.EntryDecide} {
		if err := add(kind); err != nil {
			return err
		}
	}
	if _, err := promote(disk, "/state", run); err != nil {
		return err
	}
	p.pending = ""
	p.releases = append(p.releases, number)
	if err := add(update.EntryEnd); err != nil {
		return err
	}
	p.ended = append(p.ended, run)
	return nil
}

func testRelease(run string, number int) update.Release {
	return update.Release{Number: number, Run: run, Project: "shop", Rendered: []byte("services: {}")}
}

// check looks for a broken promise on a disk that went through a crash.
func (p *promises) check(disk *memoryFiles) error {
	if err := layOut(disk); err != nil {
		return err
	}
	content, err := readLog(disk, "/state")
	if err != nil {
		return fmt.Errorf("a crash must not look like damage: %w", err)
	}
	for run, promised := range p.entries {
		if err := p.checkRun(disk, content, run, promised); err != nil {
			return err
		}
	}
	for _, number := range p.releases {
		release, err := numberedRelease(disk, "/state", number)
		if err != nil || string(release.Rendered) != "services: {}" {
			return fmt.Errorf("release %d: %v", number, err)
		}
	}
	numbers, err := releaseNumbers(disk)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if _, err := numberedRelease(disk, "/state", number); err != nil {
			return fmt.Errorf("half a release: %w", err)
		}
	}
	if p.pending != "" {
		_, err := pending(disk, "/state", p.pending)
		newest, _ := newestRelease(disk, "/state")
		if err != nil && newest.Run != p.pending {
			return fmt.Errorf("pending release of %s: %w", p.pending, err)
		}
	}
	if size, err := disk.sizeOf(ballastName); p.ballast && (err != nil || size != 64) {
		return fmt.Errorf("ballast has %d bytes: %v", size, err)
	}
	return nil
}

// checkRun looks for the entries of one run, in the newest journal or among
// the kept ones.
func (p *promises) checkRun(disk *memoryFiles, newest logContent, run string, promised []update.EntryKind) error {
	content := newest
	if len(newest.records) == 0 || newest.records[0].Run != run {
		var err error
		if content, err = readLogFile(disk, runsName+"/"+run+".log", "kept"); err != nil {
			return fmt.Errorf("journal of %s: %w", run, err)
		}
	}
	var kinds []update.EntryKind
	for _, record := range content.records {
		kinds = append(kinds, record.Kind)
	}
	if len(kinds) < len(promised) || !slices.Equal(kinds[:len(promised)], promised) {
		return fmt.Errorf("run %s has %v, promised were %v", run, kinds, promised)
	}
	return nil
}

// crashEverywhere stops the machine before every operation, in many ways, and
// returns the first broken promise. skipSync is the sync that lies.
func crashEverywhere(skipSync, ways int) error {
	for crashAt := 1; ; crashAt++ {
		disk := newMemoryFiles()
		disk.crashAt, disk.skipSync = crashAt, skipSync
		var p promises
		err := useStore(disk, &p)
		if err != nil && !errors.Is(err, errCrashed) {
			return fmt.Errorf("crash at %d: unexpected: %w", crashAt, err)
		}
		for way := range ways {
			random := rand.New(rand.NewPCG(uint64(crashAt), uint64(way)))
			if err := p.check(disk.afterPowerLoss(random, way == 0)); err != nil {
				return fmt.Errorf("crash before operation %d, way %d: %w", crashAt, way, err)
			}
		}
		if err := killThenPowerLoss(disk, p, skipSync); err != nil {
			return fmt.Errorf("kill before operation %d: %w", crashAt, err)
		}
		if err == nil {
			return nil
		}
	}
}

// killThenPowerLoss takes the disk up as the next process does after a kill,
// which loses nothing, and loses power after that process said something.
func killThenPowerLoss(disk *memoryFiles, p promises, skipSync int) error {
	disk.crashAt = 0
	if err := layOut(disk); err != nil {
		return err
	}
	log, err := openLog(disk, "/state", "test")
	if err != nil {
		return err
	}
	log.ballast = 64
	run := log.run
	if run == "" {
		err := log.Append(update.Entry{Kind: update.EntryBegin, Run: "run9"})
		p.pending = ""
		return errors.Join(err, p.check(disk.afterPowerLoss(rand.New(rand.NewPCG(1, 1)), true)))
	}
	seen, err := readLog(disk, "/state")
	if err != nil {
		return err
	}
	if err := log.Append(update.Entry{Kind: update.EntryResume, Run: run}); err != nil {
		return err
	}
	var promised []update.EntryKind
	for _, record := range seen.records {
		promised = append(promised, record.Kind)
	}
	p.entries[run] = append(promised, update.EntryResume)
	p.pending, p.ballast = "", false
	return p.check(disk.afterPowerLoss(rand.New(rand.NewPCG(1, 1)), true))
}

func TestCrashKeepsEveryPromise(t *testing.T) {
	if err := crashEverywhere(0, 30); err != nil {
		t.Fatal(err)
	}
}

// Each sync is there for a promise: without any one of them a crash breaks
// one.
func TestEverySyncIsNeeded(t *testing.T) {
	t.Parallel()
	disk := newMemoryFiles()
	if err := useStore(disk, &promises{}); err != nil {
		t.Fatal(err)
	}
	for skip := 1; skip <= disk.syncs; skip++ {
		if err := crashEverywhere(skip, 6); err == nil {
			t.Errorf("nothing broke without sync %d of %d", skip, disk.syncs)
		}
	}
}

func TestDirectoryIsSyncedIntoItsParent(t *testing.T) {
	parent := t.TempDir()
	var synced []string
	record := func(path string) error { synced = append(synced, path); return nil }
	for range 2 {
		if err := ensureDirectory(parent+"/state", record); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(synced, []string{parent}) {
		t.Errorf("synced %v", synced)
	}
}
