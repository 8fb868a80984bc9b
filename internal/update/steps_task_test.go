package update

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/project"
)

func task(purpose string) *TaskStep {
	return &TaskStep{Service: "api", Name: "shop-api-" + purpose, Command: []string{purpose, "--all"}, Release: 2, AtMost: time.Minute, Purpose: purpose}
}

// taskScenario is an update that begins with tasks, and goes on with the steps
// of an ordinary one.
func taskScenario(t *testing.T, tasks ...Step) scenario {
	t.Helper()
	s := scenarios[0]
	_, plan := s.must(t)
	s.steps = append(tasks, plan.Phases[slices.IndexFunc(plan.Phases, func(p Phase) bool { return p.Name == PhaseShift })].Steps...)
	return s
}

// A task runs to its end, and its container goes away.
func TestTaskEndsWell(t *testing.T) {
	w := newWorld()
	w.taskTime = time.Second
	if err := task(TaskMigrate).Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if len(w.containers) != 0 || !slices.Equal(w.ran, []string{"migrate"}) || w.now.Sub(newWorld().now) < time.Second {
		t.Errorf("containers %v, ran %v", w.containers, w.ran)
	}
}

// A check that fails refuses the update before anything is touched, with what
// it printed.
func TestFailedCheck(t *testing.T) {
	s := taskScenario(t, task(TaskCheck))
	s.failing = TaskCheck
	w, plan := s.must(t)
	before := w.summary()
	env := w.env()
	env.Logs = func(context.Context, string) []string { return []string{"DEBUG is on"} }
	outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var check *CheckError
	var gate *GateError
	if outcome.Result != ResultAborted || !errors.As(outcome.Cause, &check) || !errors.As(outcome.Cause, &gate) {
		t.Fatalf("ends %s: %v", outcome.Result, outcome.Cause)
	}
	if check.Service != "api" || gate.Reason != "ended with code 1" || !slices.Equal(gate.Logs, []string{"DEBUG is on"}) || !gate.Ended {
		t.Errorf("%+v %+v", check, gate)
	}
	if got := w.summary(); got != before {
		t.Errorf("touched:\n%s\n%s", before, got)
	}
}

// A failed migration is a failure of the update, not of a check.
func TestFailedMigration(t *testing.T) {
	s := taskScenario(t, task(TaskCheck), task(TaskMigrate))
	s.failing = TaskMigrate
	w, plan := s.must(t)
	outcome, err := execute(w, &plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	var check *CheckError
	var gate *GateError
	if outcome.Result != ResultRolledBack || errors.As(outcome.Cause, &check) || !errors.As(outcome.Cause, &gate) || gate.Container != "shop-api-migrate" {
		t.Errorf("ends %s: %v", outcome.Result, outcome.Cause)
	}
	if w.containers["shop-api-migrate"] != nil {
		t.Error("its container stays")
	}
}

// A task that does not end in time fails; a migration is given the same time
// once more before it is stopped.
func TestTaskTakesTooLong(t *testing.T) {
	for purpose, want := range map[string]time.Duration{TaskCheck: time.Minute, TaskMigrate: 2 * time.Minute} {
		w := newWorld()
		w.taskTime = time.Hour
		step, env := task(purpose), w.env()
		began := w.now
		err := step.Do(context.Background(), env)
		if err == nil || !strings.Contains(err.Error(), "did not end within") {
			t.Errorf("%s: %v", purpose, err)
		}
		if err := step.Undo(context.Background(), env); err != nil {
			t.Errorf("%s: undo: %v", purpose, err)
		}
		if took := w.now.Sub(began); took < want || took > want+time.Second || len(w.containers) != 0 {
			t.Errorf("%s: gone after %s, left %v", purpose, took, w.containers)
		}
	}
}

// What a migration did stays, and that is said, also if its container is gone.
func TestUndoOfAMigrationSaysWhatStays(t *testing.T) {
	for name, prepare := range map[string]func(*world, *TaskStep) bool{
		"ended":         func(w *world, s *TaskStep) bool { return s.Do(context.Background(), w.env()) == nil },
		"still runs":    func(w *world, s *TaskStep) bool { w.running(s); return true },
		"never started": func(w *world, s *TaskStep) bool { w.add(Container{Name: s.Name, Run: "run1"}); return false },
	} {
		w := newWorld()
		step := task(TaskMigrate)
		said := prepare(w, step)
		env := w.env()
		var notices notices
		env.Sink = &notices
		if err := step.Undo(context.Background(), env); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.Join(notices, "\n"), "did to the data stays") != said || len(w.containers) != 0 || len(w.violations) != 0 {
			t.Errorf("%s: notices %q, left %v, %v", name, notices, w.containers, w.violations)
		}
	}
}

// notices collects what a user is told.
type notices []string

func (n *notices) Emit(event Event) {
	if event.Kind == EventNotice {
		*n = append(*n, event.Text)
	}
}

// running makes the container of a task as a dead process has left it.
func (w *world) running(s *TaskStep) {
	w.add(Container{Name: s.Name, Service: s.Service, Run: "run1", Running: true, Restart: "no"})
	w.commands[s.Name] = s.Command
	w.taskTime = 10 * time.Second
}

// Only checks and static files are cut off when the user wants to stop.
func TestInterruptedTask(t *testing.T) {
	for purpose, cut := range map[string]bool{TaskCheck: true, TaskStatic: true, TaskMigrate: false} {
		together := parallel([]Step{task(TaskCheck), task(purpose)})[0]
		if onlyWaits(task(purpose)) != cut || onlyWaits(together) != cut {
			t.Errorf("%s is cut off: %t", purpose, !cut)
		}
	}
}

// The engine is away for a while: the task is waited for all the same.
func TestTaskOutlivesTheEngine(t *testing.T) {
	w := newWorld()
	w.taskTime = 20 * time.Second
	env := w.env()
	away := errors.New("engine is away")
	env.Unavailable = func(err error) bool { return errors.Is(err, away) }
	containers := &awayFor{Containers: env.Containers, w: w, from: w.now.Add(2 * time.Second), to: w.now.Add(8 * time.Second), err: away}
	env.Containers = containers
	if err := task(TaskMigrate).Do(context.Background(), env); err != nil || containers.refused == 0 {
		t.Errorf("%v after %d refusals", err, containers.refused)
	}
}

// awayFor is an engine that does not answer for some time.
type awayFor struct {
	Containers
	w        *world
	from, to time.Time
	err      error
	refused  int
}

func (a *awayFor) Inspect(ctx context.Context, name string) (Container, error) {
	if a.w.now.After(a.from) && a.w.now.Before(a.to) {
		a.refused++
		return Container{}, a.err
	}
	return a.Containers.Inspect(ctx, name)
}

// TestKillTasks kills the process at every contact with the world of updates
// with tasks, and the resume as well: no migration is cut off, and nothing of
// a task is left.
func TestKillTasks(t *testing.T) {
	for name, failing := range map[string]string{"good": "", "failed check": TaskCheck, "failed migration": TaskMigrate} {
		s := taskScenario(t, task(TaskCheck), task(TaskMigrate), task(TaskStatic))
		s.failing, s.taskTime = failing, 50*time.Millisecond
		t.Run(name, s.killEverywhere)
		t.Run(name+", one call fails", s.failEverywhere)
	}
}

// Several checks at a time are as harmless as one.
func TestChecksTogether(t *testing.T) {
	other := task(TaskCheck)
	other.Name = "shop-api-check-2"
	s := taskScenario(t, parallel([]Step{task(TaskCheck), other})...)
	s.services = []project.Service{web("api")}
	s.failing = TaskCheck
	w, plan := s.must(t)
	outcome, err := execute(w, &plan, nil)
	if err != nil || outcome.Result != ResultAborted || len(w.ran) != 2 {
		t.Errorf("ends %s: %v, ran %v", outcome.Result, err, w.ran)
	}
}
