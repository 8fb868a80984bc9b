//go:build e2e

package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// TestMain turns the test binary into the client that a test kills.
func TestMain(m *testing.M) {
	act := os.Getenv("ENGT_CHILD")
	if act == "" {
		code := m.Run()
		if binary, err := buildApp(); err == nil {
			os.RemoveAll(filepath.Dir(binary))
		}
		os.Exit(code)
	}
	if err := child(act); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child says that it is ready and then sends one request.
func child(act string) error {
	e, err := Connect(context.Background(), Options{})
	if err != nil {
		if trouble, ok := err.(*ConnectError); ok {
			fmt.Println(trouble.Trouble)
		}
		return err
	}
	name := os.Getenv("ENGT_NAME")
	if act == "stop" {
		fmt.Println("ready")
		seconds := 3
		_, err := e.client.ContainerStop(context.Background(), name, client.ContainerStopOptions{Timeout: &seconds})
		return err
	}
	w := &world{t: &testing.T{}, name: os.Getenv("ENGT_PROJECT"), directory: os.Getenv("ENGT_DIRECTORY"), engine: e}
	bench := ForProject(e, w.loadIn(context.Background()))
	fmt.Println("ready")
	return bench.Create(context.Background(), update.CreateSpec{Service: "one", Name: name, Number: 1, Run: os.Getenv("ENGT_RUN"), Release: 2})
}

// killed starts a child, and kills it when the moment has come after it was ready.
func (w *world) killed(moment func(), environment ...string) {
	w.t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), append(environment, "ENGT_PROJECT="+w.name, "ENGT_DIRECTORY="+w.directory)...)
	output, err := command.StdoutPipe()
	if err != nil {
		w.t.Error(err)
		return
	}
	if err := command.Start(); err != nil {
		w.t.Error(err)
		return
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		w.t.Errorf("the child said %q: %v", line, err)
	}
	moment()
	command.Process.Kill()
	command.Wait()
}

// A create request outlives the process that sent it; the fence must leave
// nothing of it, not even a moment later.
func TestFenceAgainstZombieCreates(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	w.compose("build")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	runs := make(chan int)
	delays := make([]time.Duration, 50)
	for i := range delays {
		delays[i] = time.Duration(random.IntN(120_000)) * time.Microsecond
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range runs {
				name, run := fmt.Sprintf("%s-zombie-%d", w.name, i), fmt.Sprintf("zombie%d", i)
				w.killed(func() { time.Sleep(delays[i]) }, "ENGT_CHILD=create", "ENGT_NAME="+name, "ENGT_RUN="+run)
				if err := w.bench().Fence(background, name, run); err != nil {
					t.Errorf("run %d, killed after %s: %v", i, delays[i], err)
				}
				if _, err := w.engine.inspect(background, name); !errors.Is(err, update.ErrNoContainer) {
					t.Errorf("run %d, killed after %s: something is left: %v", i, delays[i], err)
				}
			}
		})
	}
	for i := range delays {
		runs <- i
	}
	close(runs)
	group.Wait()
	time.Sleep(time.Second) // an orphan appears late; there is no event to wait for
	if left := w.docker("ps", "-a", "--filter", "name="+w.name, "--format", "{{.Names}}"); left != "" {
		t.Errorf("orphans: %s", strings.Fields(left))
	}
}

// A container of somebody else keeps its name, and fences it.
func TestFenceSparesStrangers(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	w.compose("up", "-d", "--build")
	name := w.name + "-one-1"
	before := w.containers()[name]
	must(t, w.bench().Fence(background, name, "run1"))
	if w.containers()[name] != before {
		t.Error("the container of somebody else is gone")
	}
}

// A fence that was killed leaves a tombstone under the name; the next one
// takes it away.
func TestFenceAfterAKilledFence(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	name := w.name + "-one-1"
	_, err := w.engine.createTombstone(background, name, "run1")
	must(t, err)
	must(t, w.bench().Fence(background, name, "run1"))
	if _, err := w.engine.inspect(background, name); !errors.Is(err, update.ErrNoContainer) {
		t.Error("the tombstone stands")
	}
}

// What this process created and saw answered needs no tombstone and no wait.
func TestFenceOfAnAnsweredCreateIsFast(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	w.compose("build")
	bench := w.bench()
	spec := w.spec("one", 1)
	must(t, bench.Create(background, spec))
	tombstones := w.tombstonesOf(spec.Name)
	must(t, bench.Fence(background, spec.Name, spec.Run))
	if len(w.containers()) != 0 {
		t.Error("the container is left")
	}
	if made := tombstones(); made != 0 {
		t.Errorf("it held the name with %d tombstones", made)
	}
}

// tombstonesOf returns what tells how many have been made under a name since.
func (w *world) tombstonesOf(name string) func() int {
	since := time.Now()
	return func() int {
		now := time.Now().Add(time.Second)
		return len(strings.Fields(w.docker("events", "--since", stamp(since), "--until", stamp(now), "--filter", "event=create",
			"--filter", "label="+LabelRole+"="+RoleTombstone, "--format", "{{if eq .Actor.Attributes.name \""+name+"\"}}{{.ID}}{{end}}")))
	}
}

// stamp is a time as docker events takes it.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// A stop request outlives the process that sent it. After SettleStop a start
// holds.
func TestSettleStopAgainstAZombieStop(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    command: [stubborn]\n    restart: always\n    stop_grace_period: 0s\n")
	w.compose("up", "-d", "--build")
	name := w.name + "-one-1"
	bench := w.bench()
	eventually(t, "it ignores signals", func() bool { return logged(t, w, name, "stubborn") })
	deaths, signals := make(chan Happening, 10), make(chan Happening, 100)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	go w.engine.Happenings(ctx, w.name, func(h Happening) error {
		switch h.Action {
		case "die":
			deaths <- h
		case "kill":
			signals <- h
		}
		return nil
	})
	eventually(t, "the event stream is open", func() bool {
		w.docker("kill", "--signal", "TERM", name)
		return len(signals) > 0
	})
	for quiet := false; !quiet; { // what was sent for that
		select {
		case <-signals:
		case <-time.After(time.Second):
			quiet = true
		}
	}
	w.killed(func() {
		select {
		case <-signals:
		case <-time.After(patience):
			t.Error("the child stops nothing")
		}
	}, "ENGT_CHILD=stop", "ENGT_NAME="+name)
	must(t, bench.SettleStop(background, name, time.Second))
	c, err := bench.Inspect(background, name)
	must(t, err)
	if c.Running {
		t.Error("it runs after SettleStop")
	}
	<-deaths
	must(t, bench.Start(background, name))
	select {
	case h := <-deaths:
		t.Errorf("the dead client's stop killed it: %+v", h)
	case <-time.After(4 * time.Second): // longer than the dead client wanted to wait
	}
	if c, err := bench.Inspect(background, name); err != nil || !c.Running {
		t.Errorf("it does not run: %v", err)
	}
}

// The sweep of tombstones spares the fence that is at work now.
func TestRemoveTombstonesSparesYoungOnes(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	name := w.name + "-one-1"
	_, err := w.engine.createTombstone(background, name, "run1")
	must(t, err)
	must(t, w.engine.RemoveTombstones(background))
	if _, err := w.engine.inspect(background, name); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}
