package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"gapless/internal/edgectl"
	"gapless/internal/journal"
	"gapless/internal/project"
	"gapless/internal/update"
)

// steadyBuffer is an output that a test reads while it is written.
type steadyBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *steadyBuffer) Write(content []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(content)
}

func (b *steadyBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await returns once a text was written.
func (b *steadyBuffer) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(b.String(), text); {
		if time.Now().After(deadline) {
			t.Fatalf("%q is not said:\n%s", text, b)
		}
		time.Sleep(time.Millisecond)
	}
}

// otherRun is the process that carries an update out.
type otherRun struct {
	t    *testing.T
	lock *journal.Lock
	log  *journal.Log
	now  time.Time
}

func (o *otherRun) add(wait time.Duration, entry update.Entry) {
	o.t.Helper()
	o.now = o.now.Add(wait)
	entry.Run, entry.Time = "run1", o.now
	if err := o.log.Append(entry); err != nil {
		o.t.Fatal(err)
	}
}

// watchWorld is a project of which somebody works, and one who looks on.
func watchWorld(t *testing.T) (*session, *otherRun, *steadyBuffer) {
	t.Helper()
	directory := t.TempDir()
	open := func() *journal.Store {
		store, err := journal.Open(filepath.Join(directory, "projects"), "shop")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	}
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := open().Lock(journal.Self("run1", "update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Unlock() })
	log, err := lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	out := &steadyBuffer{}
	a := &app{out: out, err: out, flags: globalFlags{progress: "plain"}}
	p := &project.Project{Name: "shop", Compose: &types.Project{Name: "shop"}}
	return &session{app: a, project: p, store: open(), edge: edgectl.New(directory)}, &otherRun{t, lock, log, time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)}, out
}

func twoSteps() *update.Plan {
	plan := somePlan()
	plan.Because = "code changed"
	plan.Phases = append(plan.Phases, update.Phase{Name: update.PhaseCommit, Steps: []update.Step{&update.RemoveStep{Name: "shop-api-1", ID: "abc"}}})
	return &plan
}

// watching runs a watch beside the test.
func watching(t *testing.T, s *session, once bool) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- s.watch(context.Background(), once) }()
	return ended
}

// TestWatchFollowsARun from before it begins to its receipt.
func TestWatchFollowsARun(t *testing.T) {
	s, other, out := watchWorld(t)
	ended := watching(t, s, false)
	out.await(t, "shop: no update is under way; at work: update, started")
	other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
	out.await(t, "run run1 started: code changed")
	other.add(3*time.Second, update.Entry{Kind: update.EntryDone, Step: 1})
	out.await(t, "step 1/2 start shop-api-2: done in 3.0 s")
	other.add(0, update.Entry{Kind: update.EntryDecide, Decide: update.DecideCommit})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 2})
	other.add(time.Second, update.Entry{Kind: update.EntryDone, Step: 2})
	other.add(0, update.Entry{Kind: update.EntryEnd, Result: update.ResultCommitted})
	out.await(t, "run run1 ended: committed")
	if strings.Contains(out.String(), "12 requests") {
		t.Error("there is a receipt before it was written")
	}
	requests := int64(12)
	if err := other.lock.SaveReceipt("run1", update.Receipt{Project: "shop", From: 1, To: 2, Result: update.ResultCommitted, Strategy: "rolling", DurationMillis: 4100, Requests: &requests}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "shop 1 -> 2 in 4.1 s, rolling\n  traffic   12 requests") {
		t.Errorf("the receipt is not shown:\n%s", out)
	}
}

// TestWatchOfARunThatGoesBack ends with the exit code of the update, and with
// what the journal knows where the process left no receipt.
func TestWatchOfARunThatGoesBack(t *testing.T) {
	s, other, out := watchWorld(t)
	other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
	ended := watching(t, s, false)
	out.await(t, "run run1 started")
	other.add(2*time.Second, update.Entry{Kind: update.EntryFail, Step: 1, Why: "exited with code 3, password=hunter2"})
	other.add(0, update.Entry{Kind: update.EntryDecide, Decide: update.DecideRollback, Why: "exited with code 3"})
	other.add(0, update.Entry{Kind: update.EntryUndo, Step: 1})
	other.add(time.Second, update.Entry{Kind: update.EntryUndone, Step: 1})
	other.add(0, update.Entry{Kind: update.EntryEnd, Result: update.ResultRolledBack, Why: "exited with code 3"})
	other.lock.Unlock()
	if code, _ := codeAndHint(<-ended); code != exitRolledBack {
		t.Errorf("exit code %d", code)
	}
	for _, text := range []string{"FAILED after 2.0 s: exited with code 3, password=***", "undoing what was done", "undone in 1.0 s",
		"failed at step 1: start shop-api-2", "undone    start shop-api-2", "shop 1 -> 2 FAILED after 3.0 s, rolling: rolled back to 1"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not said:\n%s", text, out)
		}
	}
}

// TestWatchOnce shows how far it is, also while the next entry is being
// written, and leaves everything as it was.
func TestWatchOnce(t *testing.T) {
	s, other, out := watchWorld(t)
	other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
	other.add(time.Second, update.Entry{Kind: update.EntryDone, Step: 1})
	other.add(0, update.Entry{Kind: update.EntryDecide, Decide: update.DecideCommit})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 2})
	path := filepath.Join(s.store.Path(), "journal.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(bytes.Clone(whole), whole[:40]...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-watching(t, s, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "step 1/2 start shop-api-2: done in 1.0 s") || !strings.Contains(out.String(), "now at step 2 of 2: remove shop-api-1") {
		t.Errorf("said\n%s", out)
	}
	after, err := os.ReadFile(path)
	if diff := cmp.Diff(string(torn), string(after)); err != nil || diff != "" {
		t.Errorf("%v: the journal was changed: %s", err, diff)
	}
}

// TestWatchOfARunThatWasCutOff does not call it under way.
func TestWatchOfARunThatWasCutOff(t *testing.T) {
	for _, once := range []bool{true, false} {
		s, other, out := watchWorld(t)
		other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
		other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
		other.lock.Unlock()
		err := <-watching(t, s, once)
		if code, hint := codeAndHint(err); code != exitHeld || !strings.Contains(hint, "gapless resume") || !strings.Contains(err.Error(), "it was at step 1 of 2: start shop-api-2") {
			t.Errorf("once %t: %v, hint %q\n%s", once, err, hint, out)
		}
	}
}

// TestWatchOfAHeldRun: it may be carried on, so that it has not ended while
// somebody works on it.
func TestWatchOfAHeldRun(t *testing.T) {
	s, other, out := watchWorld(t)
	other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
	other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
	other.add(0, update.Entry{Kind: update.EntryHold, Why: "the engine is away"})
	ended := watching(t, s, false)
	out.await(t, "held: the engine is away")
	other.add(0, update.Entry{Kind: update.EntryResume})
	out.await(t, "goes on where it was interrupted")
	other.add(0, update.Entry{Kind: update.EntryHold, Why: "the engine is away for good"})
	other.lock.Unlock()
	if code, _ := codeAndHint(<-ended); code != exitHeld || !strings.Contains(out.String(), "HELD after 0 ms, rolling: it needs a human") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestWatchOfALongStep: a journal to which nothing is added for long belongs to
// an update that goes on, as long as somebody works on it.
func TestWatchOfALongStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other, out := watchWorld(t)
		other.add(0, update.Entry{Kind: update.EntryBegin, Plan: twoSteps()})
		other.add(0, update.Entry{Kind: update.EntryIntent, Step: 1})
		ended := watching(t, s, false)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v\n%s", err, out)
		default:
		}
		other.add(5*time.Minute, update.Entry{Kind: update.EntryDone, Step: 1})
		other.lock.Unlock()
		if code, _ := codeAndHint(<-ended); code != exitHeld || !strings.Contains(out.String(), "done in 5 min 0 s") {
			t.Errorf("after its process was killed: exit code %d\n%s", code, out)
		}
	})
}
