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

// inPlace is an update of a service whose only container stays; the act
// changes it between hold and release.
func inPlace(t *testing.T, policy string, act func(StopStep, Container) []Step) scenario {
	t.Helper()
	old := up("api", 1)
	old.Restart = policy
	s := scenario{services: []project.Service{web("api")}, running: []Container{old}, routed: []string{"api"},
		release: &Release{Number: 1}, singles: []string{"api"}, covered: []string{"api"}}
	w, _ := s.must(t)
	c, route := *w.containers[old.Name], w.routes["api"].state
	gate := GateSpec{Service: "api", Container: c.Name, Kind: GateEdge}
	stop := StopStep{Service: "api", Name: c.Name, ID: c.ID, Grace: time.Second, Restart: policy, UndoRoute: &route, Gate: &gate}
	s.steps = []Step{&HoldStep{Service: "api", Limit: time.Minute}}
	s.steps = append(s.steps, act(stop, c)...)
	s.steps = append(s.steps, &GateStep{Spec: gate, Before: &route, Candidate: &route}, &ReleaseStep{Service: "api", Limit: time.Minute})
	return s
}

func restartScenario(t *testing.T, policy string, known bool) scenario {
	return inPlace(t, policy, func(stop StopStep, c Container) []Step {
		step := &RestartStep{StopStep: stop}
		if known {
			step.StartedAt = c.StartedAt
		}
		return []Step{step}
	})
}

// A restarted container has its own policy, and requests find its new address.
func TestRestart(t *testing.T) {
	s := restartScenario(t, "unless-stopped", true)
	w, plan := s.must(t)
	before := *w.containers["shop-api-1"]
	outcome, err := execute(w, &plan, nil)
	if err != nil || outcome.Result != ResultCommitted {
		t.Fatalf("ends %s: %v %v", outcome.Result, outcome.Cause, err)
	}
	after := w.containers["shop-api-1"]
	if !after.Running || after.PID == before.PID || after.Restart != "unless-stopped" || !slices.Equal(w.serving("api"), []string{"shop-api-1"}) {
		t.Errorf("%+v, serving %v", after, w.serving("api"))
	}
}

// TestKillInPlace kills restarts and reloads at every contact with the world,
// and the resume: the container runs afterwards, with its own policy, and is
// served.
func TestKillInPlace(t *testing.T) {
	scenes := map[string]scenario{
		"reload by signal": inPlace(t, "unless-stopped", func(stop StopStep, _ Container) []Step { return []Step{reload(stop, "SIGHUP")} }),
		"reload by command": inPlace(t, "unless-stopped", func(stop StopStep, _ Container) []Step {
			return []Step{reload(stop, "", "nginx", "-s", "reload")}
		}),
	}
	for _, policy := range []string{"always", "unless-stopped", "no"} {
		for _, known := range []bool{true, false} {
			scenes[fmt.Sprintf("restart, %s, start known %t", policy, known)] = restartScenario(t, policy, known)
		}
	}
	for name, s := range scenes {
		t.Run(name, s.killEverywhere)
		t.Run(name+", one call fails", s.failEverywhere)
		s.steps = append(slices.Clone(s.steps), task(TaskCheck))
		s.failing = TaskCheck
		t.Run(name+", fails later", s.killEverywhere)
	}
	dies := scenes["reload by signal"]
	dies.failing = "SIGHUP"
	t.Run("does not survive the signal", dies.killEverywhere)
}

func reload(stop StopStep, signal string, command ...string) *ReloadStep {
	return &ReloadStep{Service: stop.Service, Name: stop.Name, ID: stop.ID, Signal: signal, Command: command, AtMost: time.Minute,
		UndoRoute: stop.UndoRoute, Gate: stop.Gate}
}

// A host that loses power in the middle of a restart brings the container
// back: at no moment has it the policy "no".
func TestRestartBoots(t *testing.T) {
	s := restartScenario(t, "unless-stopped", true)
	for at := 1; ; at++ {
		w, plan := s.must(t)
		w.crashAt, w.crashAfter = at, true
		_, crashed, _ := start(w, &plan)
		c := w.containers["shop-api-1"]
		if c.Restart == "no" || !c.Running && c.Restart == "unless-stopped" {
			t.Errorf("after %s it does not come back: running %t, restart %s", w.calls[len(w.calls)-1], c.Running, c.Restart)
		}
		if !crashed {
			break
		}
	}
}

// The undo of a restart that is over does not restart once more.
func TestUndoOfARestartThatIsOver(t *testing.T) {
	w := newWorld()
	c := w.add(up("api", 1))
	step := &RestartStep{StopStep: StopStep{Service: "api", Name: c.Name, ID: c.ID, Grace: time.Second, Restart: "always"}, StartedAt: c.StartedAt}
	env := w.env()
	if err := errors.Join(step.Do(context.Background(), env), step.Undo(context.Background(), env)); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(w.calls, "settle shop-api-1") {
		t.Errorf("%v", w.calls)
	}
}

// A reload that fails says what the command printed, and nothing else changes.
func TestReloadFails(t *testing.T) {
	w := newWorld()
	c := w.add(up("nginx", 1))
	w.failing["nginx"] = true
	var gate *GateError
	step := reload(StopStep{Name: c.Name, ID: c.ID}, "", "nginx", "-t")
	if err := step.Do(context.Background(), w.env()); !errors.As(err, &gate) || !strings.Contains(gate.Reason, `"nginx -t"`) ||
		!strings.Contains(gate.Reason, "code 3") || !slices.Equal(gate.Logs, []string{"not", "so"}) {
		t.Errorf("%v", err)
	}
	c.Running = false
	if err := step.Do(context.Background(), w.env()); !errors.As(err, &gate) || !strings.Contains(gate.Reason, "does not run") {
		t.Errorf("stopped: %v", err)
	}
	step.ID = "other"
	if err := step.Do(context.Background(), w.env()); err == nil || !strings.Contains(err.Error(), "another container") {
		t.Errorf("namesake: %v", err)
	}
}
