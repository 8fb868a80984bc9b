//go:build e2e

package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gapless/internal/update"
)

// The life of a container as the steps of an update drive it.
func TestLifeOfAContainer(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    restart: always\n    environment: {VERSION: blue}\n")
	w.compose("build")
	bench := w.bench()
	spec := w.spec("one", 1)
	if _, err := bench.Inspect(background, spec.Name); !errors.Is(err, update.ErrNoContainer) {
		t.Fatalf("got %v", err)
	}
	for what, act := range map[string]func() error{
		"start":       func() error { return bench.Start(background, spec.Name) },
		"signal":      func() error { return bench.Signal(background, spec.Name, "SIGTERM") },
		"set restart": func() error { return bench.SetRestart(background, spec.Name, "no") },
		"settle stop": func() error { return bench.SettleStop(background, spec.Name, time.Second) },
		"rename":      func() error { return bench.Rename(background, spec.Name, "engtx") },
	} {
		if err := act(); !errors.Is(err, update.ErrNoContainer) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, bench.Remove(background, spec.Name))
	must(t, bench.Create(background, spec))
	c, err := bench.Inspect(background, spec.Name)
	must(t, err)
	if !c.StartedAt.IsZero() || c.Running || c.Restart != "no" || c.Run != spec.Run || c.Address() != "" {
		t.Errorf("created: %+v", c)
	}
	must(t, bench.Start(background, spec.Name))
	must(t, bench.Start(background, spec.Name))
	must(t, bench.SetRestart(background, spec.Name, "on-failure:3"))
	c, err = bench.Inspect(background, spec.Name)
	must(t, err)
	if !c.Running || c.Restart != "on-failure:3" || c.PID == 0 || c.Service != "one" || c.Number != 1 || c.ImageID == "" {
		t.Errorf("started: %+v", c)
	}
	eventually(t, "it answers", func() bool {
		answer, err := http.Get("http://" + c.Address() + ":8080")
		return err == nil && answer.Body.Close() == nil
	})
	code, output, err := w.engine.Test(background, spec.Name, []string{"CMD", "/app", "print", "fine\x1b[31m"}, patience)
	if code != 0 || output != `fine\x1b[31m` || err != nil {
		t.Errorf("test: %d %q %v", code, output, err)
	}
	if code, _, _ := w.engine.Exec(background, spec.Name, []string{"/app", "exit", "3"}, patience); code != 3 {
		t.Errorf("exec: code %d", code)
	}
	if _, _, err := w.engine.Exec(background, spec.Name, []string{"/app", "sleep"}, 300*time.Millisecond); !errors.Is(err, ErrExecTimeout) {
		t.Errorf("exec: %v", err)
	}
	must(t, bench.Signal(background, spec.Name, "SIGTERM"))
	must(t, bench.Signal(background, spec.Name, "SIGTERM"))
	waitExit(t, bench, spec.Name)
	must(t, bench.Signal(background, spec.Name, "SIGKILL"))
	must(t, bench.SettleStop(background, spec.Name, time.Second))
	must(t, bench.Remove(background, c.ID))
	must(t, bench.Remove(background, spec.Name))
}

// A signal to reload does not make the engine forget the restart policy, as
// its own kill request would.
func TestReloadSignalKeepsRestarting(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    command: [stubborn]\n    restart: unless-stopped\n    stop_grace_period: 0s\n")
	w.compose("up", "-d", "--build")
	bench := w.bench()
	name := w.name + "-one-1"
	eventually(t, "it is ready", func() bool { return logged(t, w, name, "stubborn") })
	must(t, bench.Signal(background, name, "SIGHUP"))
	eventually(t, "it reloads", func() bool { return logged(t, w, name, "reloaded") })
	c, err := bench.Inspect(background, name)
	must(t, err)
	w.docker("exec", name, "/app", "print", "alive")
	// Its own death, not one by the engine.
	if err := killProcess(c.PID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is restarted", func() bool {
		again, err := bench.Inspect(background, name)
		return err == nil && again.Running && again.PID != c.PID && again.RestartCount == 1
	})
}

func logged(t *testing.T, w *world, name, wanted string) bool {
	lines, err := w.engine.Logs(background, name, 20)
	must(t, err)
	return slices.Contains(lines, wanted)
}

func TestFollowLogs(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    command: [stubborn]\n    stop_grace_period: 0s\n")
	w.compose("up", "-d", "--build")
	name := w.name + "-one-1"
	enough := errors.New("enough")
	var lines []string
	err := w.engine.FollowLogs(background, name, FollowOptions{Tail: -1}, func(line string) error {
		lines = append(lines, line)
		if len(lines) == 1 {
			must(t, w.bench().Signal(background, name, "HUP"))
		}
		if line == "reloaded" {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || strings.Join(lines, " ") != "stubborn reloaded" {
		t.Errorf("%v: %q", err, lines)
	}
	ctx, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	if err := w.engine.FollowLogs(ctx, name, FollowOptions{}, func(string) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestMemory(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    command: [hold, '33554432']\n")
	w.compose("up", "-d", "--build")
	bench := w.bench()
	eventually(t, "it holds memory", func() bool { return logged(t, w, w.name+"-one-1", "holding 33554432") })
	observed, err := bench.Observe(background)
	must(t, err)
	begin := time.Now()
	memory, err := w.engine.Memory(background, observed.Containers)
	must(t, err)
	if used := memory[w.name+"-one-1"]; used < 32<<20 || used > 64<<20 {
		t.Errorf("%d bytes", used)
	}
	t.Logf("measured in %s", time.Since(begin))
}

func killProcess(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
