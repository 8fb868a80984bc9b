package update

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// collect is a task that collects beside what is served.
func collect() *TaskStep {
	s := task(TaskStatic)
	s.Beside = &Beside{Target: "/app/static", Prepare: s.Name + "-prepare", Publish: s.Name + "-publish"}
	return s
}

// Files are collected where nobody is served from, by whoever may write there,
// and published after that; nothing is left.
func TestCollectBeside(t *testing.T) {
	w := newWorld()
	w.taskTime = time.Second
	if err := collect().Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if want := []string{HelperPrepare, TaskStatic, HelperPublish}; !slices.Equal(w.ran, want) || !slices.Equal(w.published, []string{"shop-api-static"}) {
		t.Errorf("ran %v, want %v, published %v", w.ran, want, w.published)
	}
	if len(w.containers)+len(w.volumes) != 0 || len(w.violations) > 0 {
		t.Errorf("left %v %v, %v", w.containers, w.volumes, w.violations)
	}
}

// Nothing is published if the files could not be collected, and the failure is
// that of the command.
func TestCollectBesideFails(t *testing.T) {
	for failing, container := range map[string]string{TaskStatic: "shop-api-static", HelperPublish: "shop-api-static-publish"} {
		s := taskScenario(t, collect())
		s.failing = failing
		w, plan := s.must(t)
		before := w.summary()
		outcome, err := execute(w, &plan, nil)
		if err != nil {
			t.Fatal(err)
		}
		var gate *GateError
		if outcome.Result != ResultRolledBack || !errors.As(outcome.Cause, &gate) || gate.Container != container {
			t.Errorf("%s: ends %s: %v", failing, outcome.Result, outcome.Cause)
		}
		if got := w.summary(); got != before || len(w.published) > 0 || len(w.violations) > 0 {
			t.Errorf("%s: published %v, %v, left:\n%s", failing, w.published, w.violations, got)
		}
	}
}

// Where the new version collects into what nothing that runs has mounted,
// nobody can be served worse: it is done in place, and said.
func TestCollectInPlaceOfSomethingElse(t *testing.T) {
	w := newWorld()
	w.otherPlan = true
	if err := collect().Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.ran, []string{TaskStatic}) || len(w.containers) != 0 || !strings.Contains(strings.Join(w.notices, "\n"), "collected in place") {
		t.Errorf("ran %v, left %v, notices %q", w.ran, w.containers, w.notices)
	}
}

// Where nothing can be moved in, the command does it as it does, which is said
// with the reason; its volume is gone before.
func TestCollectInPlaceOfAStubbornDirectory(t *testing.T) {
	s := taskScenario(t, collect())
	s.failing = HelperPrepare
	w, plan := s.must(t)
	env := w.env()
	env.Logs = func(context.Context, string) []string { return []string{"mkdir: permission denied"} }
	outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
	if err != nil || outcome.Result != ResultCommitted {
		t.Fatalf("ends %s: %v %v", outcome.Result, outcome.Cause, err)
	}
	if want := []string{HelperPrepare, TaskStatic}; !slices.Equal(w.ran, want) || len(w.volumes) > 0 || len(w.violations) > 0 {
		t.Errorf("ran %v, want %v, left %v, %v", w.ran, want, w.volumes, w.violations)
	}
	if !strings.Contains(strings.Join(w.notices, "\n"), "may fail meanwhile: mkdir: permission denied") {
		t.Errorf("notices %q", w.notices)
	}
}

// A publication that still runs when its update is undone is waited for, and
// only then the volume goes that it reads from.
func TestUndoWaitsForThePublication(t *testing.T) {
	w := newWorld()
	step := collect()
	c := w.add(Container{Name: step.Name, Service: "api", Run: "run1", Beside: "/app/static", StartedAt: w.now})
	w.volumes[c.Name] = true
	publish := w.add(Container{Name: step.Beside.Publish, Service: "api", Run: "run1", Running: true})
	w.helpers[publish.Name], w.commands[publish.Name] = Helper{Act: HelperPublish, Of: c.Name}, []string{HelperPublish}
	w.taskTime = 10 * time.Second
	began := w.now
	if err := step.Undo(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if w.now.Sub(began) < w.taskTime || len(w.containers)+len(w.volumes) != 0 || len(w.violations) > 0 || len(w.published) != 1 {
		t.Errorf("after %s left %v %v, published %v, %v", w.now.Sub(began), w.containers, w.volumes, w.published, w.violations)
	}
}

// TestKillBeside kills the process at every contact with the world of updates
// that collect beside, and the resume as well: no publication is cut off, and
// neither a container nor a volume is left.
func TestKillBeside(t *testing.T) {
	for name, failing := range map[string]string{"good": "", "failed preparation": HelperPrepare, "failed task": TaskStatic, "failed publication": HelperPublish} {
		s := taskScenario(t, task(TaskMigrate), collect())
		s.failing, s.taskTime = failing, 50*time.Millisecond
		t.Run(name, s.killEverywhere)
		t.Run(name+", one call fails", s.failEverywhere)
	}
}

// The names of all containers are planned, each one free; nothing is collected
// beside where nobody is served, or the helpers could not run.
func TestPlanBeside(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*State, *project.Service)
		beside *Beside
		note   string
	}{
		"served":        {func(*State, *project.Service) {}, &Beside{Target: "/app/static", Prepare: "shop-api-static-prepare-r8", Publish: "shop-api-static-publish-r8"}, ""},
		"name taken":    {func(s *State, _ *project.Service) { s.Containers[0].Name = "shop-api-static-publish-r8" }, &Beside{Target: "/app/static", Prepare: "shop-api-static-prepare-r8", Publish: "shop-api-static-publish2-r8"}, ""},
		"nobody serves": {func(_ *State, s *project.Service) { s.StaticTarget = "" }, nil, ""},
		"does not run":  {func(s *State, _ *project.Service) { s.Containers[0].Running = false }, nil, ""},
		"no helpers":    {func(s *State, _ *project.Service) { s.NoHelper = "it needs libraries" }, nil, "may fail: it needs libraries"},
	} {
		service := with(web("api"), django)
		old := up("api", 1)
		state := State{Containers: []Container{old}, Release: &Release{Number: 7}}
		c.edit(&state, &service)
		p := &project.Project{Name: "shop", Services: []project.Service{service}, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
		plan, err := Make(state, p, []change.Change{{Service: "api", Build: true, Replace: []string{old.Name},
			Causes: []change.Cause{{Kind: change.KindSource, Words: "code changed"}}}}, Options{Migrations: MigrationsCompatible})
		if err != nil {
			t.Fatal(err)
		}
		var got *Beside
		for _, step := range plan.Steps() {
			if s, ok := step.(*TaskStep); ok && s.Purpose == TaskStatic {
				got = s.Beside
			}
		}
		if (got == nil) != (c.beside == nil) || got != nil && *got != *c.beside {
			t.Errorf("%s: %+v, want %+v", name, got, c.beside)
		}
		if text := plan.Text(); !strings.Contains(text, c.note) || c.note == "" && strings.Contains(text, "may fail") {
			t.Errorf("%s: the notes are not as expected:\n%s", name, text)
		}
	}
}
