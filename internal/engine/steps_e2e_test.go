//go:build e2e

package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// stepEnv is what the steps of this file need of the world.
func (w *world) stepEnv() *update.Env {
	bench := w.bench()
	return &update.Env{Creator: bench, Containers: bench, Run: "run1", Sink: silent{}, Clock: realClock{},
		Logs: func(ctx context.Context, name string) []string {
			lines, err := w.engine.Logs(ctx, name, 20)
			must(w.t, err)
			return lines
		}}
}

type silent struct{}

func (silent) Emit(update.Event) {}

type realClock struct{}

func (realClock) Now() time.Time                                   { return time.Now() }
func (realClock) Sleep(ctx context.Context, d time.Duration) error { return pause(ctx, d) }

const patientProject = "services:\n  one:\n    build: .\n    command: [stubborn]\n    restart: unless-stopped\n    stop_grace_period: 0s\n    stop_signal: SIGHUP\n"

// revives lets the main process of a container die by itself and waits for the
// engine to restart it.
func (w *world) revives(name string) {
	w.t.Helper()
	c, err := w.engine.Inspect(background, name)
	must(w.t, err)
	must(w.t, killProcess(c.PID))
	eventually(w.t, name+" is restarted by its policy", func() bool {
		again, err := w.engine.Inspect(background, name)
		return err == nil && again.Running && !again.Restarting && again.PID != c.PID && again.RestartCount == c.RestartCount+1
	})
}

// A signal to the process itself leaves the restart policy in force, also the
// signal by which the container is stopped otherwise.
func TestSignalProcess(t *testing.T) {
	w := newWorld(t, patientProject)
	w.compose("up", "-d", "--build")
	name := w.name + "-one-1"
	eventually(t, "it is ready", func() bool { return logged(t, w, name, "stubborn") })
	must(t, w.bench().SignalProcess(background, name, "HUP"))
	eventually(t, "it reloads", func() bool { return logged(t, w, name, "reloaded") })
	w.revives(name)
	w.docker("kill", name)
	if err := w.bench().SignalProcess(background, name, "HUP"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("stopped: %v", err)
	}
}

// A restart in place leaves another process and the same policy, in force.
func TestRestartStep(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    restart: unless-stopped\n")
	w.compose("up", "-d", "--build")
	name, env := w.name+"-one-1", w.stepEnv()
	before, err := w.engine.Inspect(background, name)
	must(t, err)
	step := &update.RestartStep{StartedAt: before.StartedAt, StopStep: update.StopStep{Service: "one", Name: name, ID: before.ID, Grace: 5 * time.Second, Restart: before.Restart}}
	must(t, step.Do(background, env))
	after, err := w.engine.Inspect(background, name)
	must(t, err)
	if after.ID != before.ID || after.PID == before.PID || after.Restart != "unless-stopped" || after.RestartCount != 0 {
		t.Errorf("%+v", after)
	}
	must(t, step.Undo(background, env))
	if again, err := w.engine.Inspect(background, name); err != nil || again.PID != after.PID {
		t.Errorf("the undo of a restart that is over restarted again: %v", err)
	}
	w.revives(name)
}

// A worker that was told to take no more jobs is another process after the
// undo, which the engine tells from a restart by its policy.
func TestQuiesceStep(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    restart: always\n")
	w.compose("up", "-d", "--build")
	name, env := w.name+"-one-1", w.stepEnv()
	w.revives(name)
	before, err := w.engine.Inspect(background, name)
	must(t, err)
	step := &update.QuiesceStep{Command: []string{"/app", "print", "no more"}, AtMost: patience, StartedAt: before.StartedAt,
		StopStep: update.StopStep{Service: "one", Name: name, ID: before.ID, Grace: 5 * time.Second, Restart: "always"}}
	must(t, step.Do(background, env))
	must(t, step.Undo(background, env))
	after, err := w.engine.Inspect(background, name)
	must(t, err)
	if !after.Running || after.PID == before.PID || after.RestartCount != 0 || after.Restart != "always" {
		t.Errorf("%+v", after)
	}
	must(t, step.Undo(background, env))
	if again, err := w.engine.Inspect(background, name); err != nil || again.PID != after.PID {
		t.Errorf("a second undo restarted it again: %v", err)
	}
	w.revives(name)
}

// A task tells how it ended, and leaves nothing.
func TestTaskStep(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	env := w.stepEnv()
	step := func(code string) *update.TaskStep {
		return &update.TaskStep{Service: "web", Name: w.name + "-web-check", Command: []string{"exit", code}, Release: 2, AtMost: patience, Purpose: update.TaskCheck}
	}
	must(t, step("0").Do(background, env))
	if left := w.containers(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	var check *update.CheckError
	if err := step("4").Do(background, env); !errors.As(err, &check) || !strings.Contains(check.Error(), "ended with code 4") {
		t.Errorf("%v", err)
	}
	failing := &update.TaskStep{Service: "web", Name: w.name + "-web-migrate", Command: []string{"files", "/missing"}, AtMost: patience, Purpose: update.TaskMigrate}
	must(t, failing.Do(background, env))
	must(t, step("4").Undo(background, env))
	if left := w.containers(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A command that takes too long is killed; one that leaves its outputs to a
// child has ended all the same.
func TestExecTimeout(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	w.compose("up", "-d", "--build")
	name := w.name + "-one-1"
	id := w.docker("inspect", "--format", "{{.Id}}", name)
	_, err := w.bench().Exec(background, name, []string{"/app", "sleep"}, 2*time.Second) // long enough to begin
	if !errors.Is(err, ErrExecTimeout) {
		t.Fatalf("%v", err)
	}
	eventually(t, "the command is gone", func() bool {
		words := wordsOf(t, id)
		return slices.Contains(words, "serve") && !slices.Contains(words, "sleep")
	})
	result, err := w.bench().Exec(background, name, []string{"/app", "leave"}, time.Minute) // its child sleeps for longer
	if err != nil || result.Code != 0 || result.Output != "left" {
		t.Errorf("%+v %v", result, err)
	}
	result, err = w.bench().Exec(background, name, []string{"/app", "exit", "3"}, patience)
	if err != nil || result.Code != 3 {
		t.Errorf("%+v %v", result, err)
	}
}

// wordsOf are those of the command lines of all processes in a container. docker top
// would want ps on the host.
func wordsOf(t *testing.T, id string) (words []string) {
	t.Helper()
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range groups {
		group, _ := os.ReadFile(path) // it may have ended meanwhile
		if !strings.Contains(string(group), id) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		words = append(words, strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")...)
	}
	return words
}
