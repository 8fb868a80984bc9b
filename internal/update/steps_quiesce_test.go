package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/project"
)

// quiesceScenario starts a new worker once the old one takes no more jobs.
func quiesceScenario(t *testing.T, policy string, known bool) scenario {
	t.Helper()
	old := up("worker", 1)
	old.Restart = policy
	s := scenario{services: []project.Service{plain("worker", project.RoleWorker)}, running: []Container{old}, release: &Release{Number: 1}}
	w, _ := s.must(t)
	step := quiesce(*w.containers[old.Name])
	if !known {
		step.StartedAt = time.Time{}
	}
	stop := step.StopStep
	next := &StartStep{Service: "worker", Name: "shop-worker-2", Number: 2, Release: 2}
	s.steps = []Step{step, next, &GateStep{Spec: GateSpec{Service: "worker", Container: next.Name, Kind: GateRunning}}, &stop}
	return s
}

func quiesce(c Container) *QuiesceStep {
	return &QuiesceStep{Command: []string{"quiesce", "now"}, AtMost: time.Minute, StartedAt: c.StartedAt,
		StopStep: StopStep{Service: c.Service, Name: c.Name, ID: c.ID, Grace: time.Minute, Restart: c.Restart}}
}

// TestKillQuiesce kills the update of a worker at every contact with the
// world, and the resume: no worker that runs afterwards refuses jobs.
func TestKillQuiesce(t *testing.T) {
	for _, policy := range []string{"always", "unless-stopped"} {
		for _, known := range []bool{true, false} {
			s := quiesceScenario(t, policy, known)
			name := fmt.Sprintf("%s, start known %t", policy, known)
			t.Run(name, s.killEverywhere)
			t.Run(name+", one call fails", s.failEverywhere)
			s.steps = append(s.steps, task(TaskCheck))
			s.failing = TaskCheck
			t.Run(name+", fails later", s.killEverywhere)
			s.failing = "quiesce"
			t.Run(name+", cannot", s.killEverywhere)
		}
	}
}

// The worker is restarted once, by whichever undo comes first.
func TestUndoOfAQuiesce(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*world, *Container)
		settled   bool
	}{
		"still the same process":   {func(*world, *Container) {}, true},
		"restarted by its policy":  {func(w *world, c *Container) { w.boot(c); c.RestartCount = 1 }, true},
		"started again by an undo": {func(w *world, c *Container) { w.boot(c) }, false},
		"ended by itself":          {func(_ *world, c *Container) { c.Running = false }, true},
	} {
		w := newWorld()
		worker := w.add(up("worker", 1))
		step, env := quiesce(*worker), w.env()
		if err := step.Do(context.Background(), env); err != nil {
			t.Fatal(err)
		}
		c.meanwhile(w, worker)
		if err := step.Undo(context.Background(), env); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(w.calls, "settle shop-worker-1"); got != c.settled || !worker.Running || w.quiesced[worker.Name] == worker.PID {
			t.Errorf("%s: restarted %t, runs %t", name, got, worker.Running)
		}
	}
}

// A worker that cannot be told fails the update, with what the command said.
func TestQuiesceFails(t *testing.T) {
	w := newWorld()
	worker := w.add(up("worker", 1))
	w.failing["quiesce"] = true
	var gate *GateError
	if err := quiesce(*worker).Do(context.Background(), w.env()); !errors.As(err, &gate) || !slices.Equal(gate.Logs, []string{"not", "so"}) {
		t.Errorf("%v", err)
	}
	step := quiesce(*worker)
	w.boot(worker)
	if err := step.Do(context.Background(), w.env()); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("restarted since: %v", err)
	}
}

// A worker that is down or gone takes no jobs: there is nothing to tell it,
// and nothing of somebody else is restarted.
func TestQuiesceOfNobody(t *testing.T) {
	w := newWorld()
	worker := w.add(up("worker", 1))
	step := quiesce(*worker)
	worker.Running = false
	if err := step.Do(context.Background(), w.env()); err != nil || len(w.ran) != 0 {
		t.Errorf("down: %v, ran %v", err, w.ran)
	}
	worker.ID, worker.Running = "other", true
	if err := step.Undo(context.Background(), w.env()); err != nil || slices.Contains(w.calls, "settle shop-worker-1") {
		t.Errorf("of somebody else: %v", err)
	}
	delete(w.containers, worker.Name)
	if err := errors.Join(step.Do(context.Background(), w.env()), step.Undo(context.Background(), w.env())); err != nil {
		t.Errorf("gone: %v", err)
	}
}

// A container that is being restarted is said to run and takes no command: it
// is waited for, and one that never gets up is not told anything.
func TestCommandsWaitForARestart(t *testing.T) {
	for name, c := range map[string]struct {
		steady time.Duration
		ran    bool
	}{"soon": {time.Second, true}, "never": {time.Hour, false}} {
		w := newWorld()
		worker := w.add(up("worker", 1))
		worker.Restarting, worker.RestartCount = true, 1
		env := w.env()
		env.Containers = &steadyAfter{fakeContainers{w}, w.now.Add(c.steady)}
		step := quiesce(*worker)
		err := step.Do(context.Background(), env)
		if err != nil || (len(w.ran) > 0) != c.ran {
			t.Errorf("%s: quiesce: %v, ran %v", name, err, w.ran)
		}
		worker.Restarting = true
		err = reload(step.StopStep, "SIGHUP").Do(context.Background(), env)
		if (err == nil) != c.ran {
			t.Errorf("%s: reload: %v", name, err)
		}
	}
}

// steadyAfter is an engine that restarts a container until some time.
type steadyAfter struct {
	fakeContainers
	at time.Time
}

func (s *steadyAfter) Inspect(ctx context.Context, name string) (Container, error) {
	if c := s.w.containers[name]; c != nil && !s.w.now.Before(s.at) {
		c.Restarting = false
	}
	return s.fakeContainers.Inspect(ctx, name)
}

func (s *steadyAfter) Exec(ctx context.Context, name string, argv []string, atMost time.Duration) (ExecResult, error) {
	if s.w.containers[name].Restarting {
		return ExecResult{}, errors.New("is restarting, wait until the container is running")
	}
	return s.fakeContainers.Exec(ctx, name, argv, atMost)
}
