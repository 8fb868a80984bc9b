package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// start runs a plan in the world until it ends or the process dies.
func start(w *world, plan *Plan) (outcome Outcome, crashed bool, err error) {
	defer noticeCrash(&crashed)
	run := &Run{Plan: plan, Env: w.env()}
	outcome, err = run.Execute(context.Background())
	return outcome, false, err
}

// noticeCrash is deferred by what lives as long as the process.
func noticeCrash(crashed *bool) {
	if r := recover(); r == errCrash {
		*crashed = true
	} else if r != nil {
		panic(r)
	}
}

// resume is what the next start of the program does.
func resume(w *world) (outcome Outcome, crashed bool, err error) {
	defer noticeCrash(&crashed)
	history, err := ReadHistory(w.entries)
	if errors.Is(err, ErrNoRun) {
		return Outcome{}, false, nil
	}
	if err != nil {
		return Outcome{}, false, err
	}
	run := &Run{Env: w.env()}
	outcome, err = run.Resume(context.Background(), history, false)
	return outcome, false, err
}

// die ends the life of the process: its leases run out.
func (w *world) die() {
	w.crashAt = 0
	w.calls = nil
	clear(w.held)
}

// wholeStates returns what the world looks like when nothing was done and
// when everything was.
func wholeStates(t *testing.T, s scenario) (old, updated string) {
	t.Helper()
	before, _, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	after, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	outcome, _, err := start(after, &plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := ResultCommitted; s.bad == "" && s.failing == "" && outcome.Result != want {
		t.Fatalf("a clean run ends %s: %v, stuck %v", outcome.Result, outcome.Cause, outcome.Stuck)
	}
	return before.summary(), after.summary()
}

// TestKillMatrix kills the process before and after every contact with the
// world, for every plan, and the resume as well. Afterwards the world is
// wholly old or wholly new, and at no moment was a promise broken.
func TestKillMatrix(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, s.killEverywhere)
	}
}

func (s scenario) killEverywhere(t *testing.T) {
	old, updated := wholeStates(t, s)
	points := 0
	for at := 1; ; at++ {
		done := false
		for _, after := range []bool{false, true} {
			finished := s.kill(t, at, after, old, updated)
			done = done || finished
			points++
		}
		if done {
			break
		}
	}
	t.Logf("%d kill points", points)
}

// kill runs the scenario, kills it at one call and resumes. It reports
// whether the run ended before that call.
func (s scenario) kill(t *testing.T, at int, after bool, old, updated string) bool {
	t.Helper()
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	w.crashAt, w.crashAfter = at, after
	_, crashed, err := start(w, &plan)
	if err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("killed at call %d (after=%t) %s", at, after, w.calls[len(w.calls)-1])
	reached := crashed
	w.exempt(s)
	w.die()
	for nested := 1; crashed; nested++ {
		w.crashAt, w.crashAfter = 0, nested%2 == 0
		if nested < 3 { // the resume dies as well, at a place of its own
			w.crashAt = 1 + (at*7)%13
		}
		var outcome Outcome
		outcome, crashed, err = resume(w)
		if err != nil {
			t.Fatalf("%s: resume: %v", where, err)
		}
		if outcome.Result == ResultHeld {
			t.Fatalf("%s: held: %v", where, outcome.Stuck)
		}
		w.die()
	}
	for _, z := range w.zombies {
		z.apply() // the latest moment at which dockerd may still do it
	}
	w.judge(t, where, old, updated)
	return !reached
}

// exempt lifts the promise of a target from services that are held while
// they change: after a crash the edge lets their requests wait.
func (w *world) exempt(s scenario) {
	for _, c := range slices.Concat(s.singles, s.held) {
		w.covered = slices.DeleteFunc(slices.Clone(w.covered), func(name string) bool { return name == c })
	}
}

// judge compares the end with the two allowed ones.
func (w *world) judge(t *testing.T, where, old, updated string) {
	t.Helper()
	if len(w.violations) > 0 {
		t.Errorf("%s: %s", where, strings.Join(w.violations, "\n"))
	}
	for _, notice := range w.notices {
		if strings.Contains(notice, "somebody else") {
			t.Errorf("%s: nobody else was there, and yet: %s", where, notice)
		}
	}
	got := w.summary()
	if got != old && got != updated {
		t.Errorf("%s: neither old nor new (-old +got):\n%s", where, cmp.Diff(strings.Split(old, "\n"), strings.Split(got, "\n")))
	}
	if _, err := ReadHistory(w.entries); len(w.entries) > 0 && !errors.Is(err, ErrNoRun) {
		t.Errorf("%s: the journal has no end", where)
	}
}
