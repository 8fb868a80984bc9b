package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/journal"
	"gapless/internal/project"
	"gapless/internal/update"
)

// TestMetrics compares the whole page, with an edge that answers.
func TestMetrics(t *testing.T) {
	h := newHook(t)
	s, _, _ := toldSession(t, h, undoneRun...)
	if err := s.lock.SaveRelease(update.Release{Format: update.ReleaseFormat, Number: 43, Project: "shop", Run: "r", Strategy: "rolling", Time: time.Now(),
		Revision: &update.Revision{Commit: "0123456789abcdef", Dirty: true}, Rendered: []byte("x"), Services: map[string]update.ReleaseService{}}); err != nil {
		t.Fatal(err)
	}
	if err := s.lock.SaveTally(update.Tally{Through: "0000", Updates: map[string]update.Count{"rolling committed": {Times: 70, Seconds: 700.5}},
		Rollbacks: map[string]int64{"start": 2}}); err != nil {
		t.Fatal(err)
	}
	s.project.Settings.Edge = project.EdgeSettings{HTTP: ":80"}
	standInEdge(t)
	var page exposition
	if err := s.updateMetrics(&page); err != nil {
		t.Fatal(err)
	}
	if err := s.edgeMetrics(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	golden(t, "metrics.golden", page.text.String())
}

// standInEdge answers at the sockets where the edge has its own.
func standInEdge(t *testing.T) {
	t.Helper()
	directory, err := os.MkdirTemp("", "edge") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	t.Setenv("GAPLESS_STATE_DIR", directory)
	if err := os.Mkdir(filepath.Join(directory, "edge"), 0o700); err != nil {
		t.Fatal(err)
	}
	stats := wire.Stats{Generations: []wire.GenerationStats{
		{Project: "shop", Service: "api", Requests: 2, Paged: 2, Parked: 3},
		{Project: "shop", Service: "api", Generation: "43", Requests: 10, Failures: map[string]uint64{"dial": 1}, ServerErrors: 2, ClientAborts: 1, InFlight: 4,
			Latency: wire.Histogram{Counts: append(make([]uint64, wire.Bucket(40_000)), 9, 1)}},
	}}
	state := wire.ProjectState{ProjectConfig: wire.ProjectConfig{Services: []wire.Service{
		{Name: "api", HealthPath: "/health", Hosts: []string{"*.example.com"}, Targets: []wire.Target{{ID: "shop-api-1"}, {ID: "shop-api-2"}}}, {Name: "quiet", Targets: []wire.Target{{ID: "x"}}}}}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/stats"):
			_ = json.NewEncoder(w).Encode(stats)
		case r.URL.Path == "/health" && r.Host == "www.example.com" && r.Header.Get(wire.HeaderTarget) == "shop-api-1":
			fmt.Fprint(w, "fine")
		case r.URL.Path == "/health":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_ = json.NewEncoder(w).Encode(state)
		}
	}
	for _, name := range []string{wire.ControlSocketName, wire.ProbeSocketName} {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", filepath.Join(directory, "edge", name))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(answer)}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { server.Close() })
	}
}

// A run counts once, whether its journal is still there or not.
func TestRunsAreCountedOnce(t *testing.T) {
	s, said, _ := toldSession(t, newHook(t), undoneRun...)
	for range 2 {
		s.countRuns()
		total, err := s.tally()
		if err != nil || total.Updates["rolling rolled_back"].Times != 1 || total.Rollbacks["start"] != 1 || total.Through != toldRunID {
			t.Fatalf("%+v, %v", total, err)
		}
	}
	if kept, err := s.store.Tally(); err != nil || kept.Through != toldRunID {
		t.Errorf("%+v, %v", kept, err)
	}
	if said.Len() > 0 {
		t.Error(said.String())
	}
}

func TestReasonsOfRollbacks(t *testing.T) {
	for want, run := range map[string]pastRun{
		"asked":       {Result: "committed", backTo: 3},
		"gate":        {Result: "rolled_back", failedAt: "gate"},
		"interrupted": {Result: "rolled_back"},
		"":            {Result: "committed", failedAt: "remove"},
	} {
		if got := run.rollbackReason(); got != want {
			t.Errorf("%+v: %q, want %q", run, got, want)
		}
	}
}

// Who presses Ctrl-C at a gate has not found a fault of the gate.
func TestAnInterruptedStepHasNotFailed(t *testing.T) {
	plan := &update.Plan{Project: "shop", Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.GateStep{}}}}}
	for why, want := range map[string]string{update.ErrInterrupted.Error(): "interrupted", "not healthy": "gate"} {
		var records []journal.Record
		for _, entry := range []update.Entry{{Kind: update.EntryBegin, Plan: plan}, {Kind: update.EntryFail, Step: 1, Why: why},
			{Kind: update.EntryDecide, Decide: update.DecideRollback, Why: why}, {Kind: update.EntryEnd, Result: update.ResultRolledBack, Why: why}} {
			records = append(records, journal.Record{Entry: entry})
		}
		if past := pastOf("run1", records); past.rollbackReason() != want {
			t.Errorf("%s: %q, want %q", why, past.rollbackReason(), want)
		}
	}
}

// The collector never sees a half, and nothing is left beside it.
func TestMetricsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gapless.prom")
	for _, text := range []string{"first\n", "second\n"} {
		if err := writeWhole(path, text); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil || string(content) != text {
			t.Errorf("%q, %v", content, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	stat, statErr := os.Stat(path)
	if err != nil || statErr != nil || len(entries) != 1 || stat.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v, %v", entries, stat.Mode(), err)
	}
	if err := writeWhole(filepath.Join(path, "in-a-file"), "x"); err == nil {
		t.Error("it cannot be written there")
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	var page exposition
	page.sample("x", 1, "a", "q\" b\\ n\n \xff", "b", "")
	if want := `x{a="q\" b\\ n\n ?",b=""} 1` + "\n"; page.text.String() != want {
		t.Errorf("%s", page.text.String())
	}
}
