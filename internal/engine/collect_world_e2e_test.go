//go:build e2e

package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/update"
)

// collectProject is a service of an ordinary user that cannot write but to its
// static files, which are a volume or a directory of the host.
const collectProject = `
services:
  app:
    build: .
    user: "1234:1234"
    read_only: true
    volumes: ["STATIC:/srv/static"]
    post_start: [{command: [/app, exit, "0"]}]
volumes: {static: }
`

// ownProgram is the program that helpers run.
var ownProgram = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GAPLESS"); path != "" {
		return path, nil
	}
	return buildProgram("gapless/cmd/gapless")
})

// collectWorld is a service that runs, and the directory that it serves from.
type collectWorld struct {
	*world
	env    *update.Env
	served string
	logs   []string // of the one-offs that are gone
	fresh  []string // volumes that one-offs had of their own
	slow   string   // a container that hardly gets any processor
}

func newCollectWorld(t *testing.T, static string) *collectWorld {
	t.Helper()
	w := &collectWorld{world: newWorld(t, strings.Replace(collectProject, "STATIC", static, 1))}
	w.served = filepath.Join(w.directory, "public")
	if static != "static" {
		must(t, os.Mkdir(w.served, 0o755))
	}
	w.compose("up", "-d", "--build")
	if static == "static" {
		w.served = w.docker("volume", "inspect", "--format", "{{.Mountpoint}}", w.name+"_static")
	}
	must(t, os.MkdirAll(filepath.Join(w.served, "css"), 0o755))
	for name, content := range map[string]string{"css/0.old.css": "old", "css/page": "old"} {
		must(t, os.WriteFile(filepath.Join(w.served, name), []byte(content), 0o644))
	}
	for _, name := range []string{".", "css", "css/page"} {
		must(t, os.Chown(filepath.Join(w.served, name), 1234, 1234))
	}
	w.env = w.collectEnv()
	return w
}

// collectEnv is the world of a process that has just begun.
func (w *collectWorld) collectEnv() *update.Env {
	env := w.stepEnv()
	bench := w.bench().WithHelper(HelperProgram{Command: []string{"/" + w.name, "statics"}, Image: w.helperImage})
	env.Creator, env.Containers = watchedCreator{bench, w}, bench
	return env
}

func (w *collectWorld) helperImage(ctx context.Context) (string, error) {
	program, err := ownProgram()
	if err != nil {
		return "", err
	}
	return w.engine.EnsureImage(ctx, w.name+":helper", program)
}

// watchedCreator keeps the logs of what it removes and knows the volumes of what
// it creates.
type watchedCreator struct {
	*Workbench
	w *collectWorld
}

func (c watchedCreator) Create(ctx context.Context, spec update.CreateSpec) error {
	err := c.Workbench.Create(ctx, spec)
	if found, lookErr := c.engine.inspect(ctx, spec.Name); lookErr == nil && spec.Beside != "" {
		c.w.fresh = append(c.w.fresh, inspected(found, spec.Beside).source)
	}
	if err == nil && spec.Name == c.w.slow {
		err = exec.Command("docker", "update", "--cpus", "0.02", spec.Name).Run()
	}
	return err
}

func (c watchedCreator) Remove(ctx context.Context, name string) error {
	lines, _ := c.engine.Logs(ctx, name, 5)
	c.w.logs = append(c.w.logs, lines...)
	return c.Workbench.Remove(ctx, name)
}

func (w *collectWorld) step(version string, count int) *update.TaskStep {
	name := w.name + "-app-static-" + version
	return &update.TaskStep{Service: "app", Name: name, Command: []string{"collect", "/srv/static", version, fmt.Sprint(count)}, Release: 7,
		AtMost: time.Minute, Purpose: update.TaskStatic,
		Beside: &update.Beside{Target: "/srv/static", Prepare: name + "-prepare", Publish: name + "-publish"}}
}

// reads follows the page to what it names until it is told to stop, as a
// browser does.
func (w *collectWorld) reads() (stop func()) {
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		for !over.Load() {
			version, err := os.ReadFile(filepath.Join(w.served, "css", "page"))
			for _, named := range []string{string(version), "old"} {
				if err == nil {
					_, err = os.ReadFile(filepath.Join(w.served, "css", "0."+named+".css"))
				}
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() {
		over.Store(true)
		if err := <-done; err != nil {
			w.t.Errorf("a reader misses something: %v", err)
		}
	}
}

// clean checks that an update has left neither a container nor a volume nor
// anything that is hidden.
func (w *collectWorld) clean() {
	w.t.Helper()
	if left := w.containers(); len(left) != 1 {
		w.t.Errorf("containers: %v", left)
	}
	if len(w.fresh) == 0 {
		w.t.Error("nothing had a volume of its own")
	}
	for _, name := range w.fresh {
		if w.hasVolume(name) {
			w.t.Errorf("volume %s is left", name)
		}
	}
	if _, err := os.Stat(filepath.Join(w.served, ".gapless-staging")); err == nil {
		w.t.Error("a staging directory is left")
	}
}

// told keeps what a user is told.
type told struct{ text string }

func (s *told) Emit(event update.Event) { s.text += event.Text + "\n" }

// errDead stands for the death of the process.
type errDead struct{}

// dieAfter does a step up to an act on one of its containers.
func (w *collectWorld) dieAfter(step *update.TaskStep, act, helper string) {
	name := step.Name
	switch helper {
	case update.HelperPrepare:
		name = step.Beside.Prepare
	case update.HelperPublish:
		name = step.Beside.Publish
	}
	env := w.collectEnv()
	env.Creator, env.Containers = dyingCreator{env.Creator, act + " " + name}, dyingContainers{env.Containers, act + " " + name}
	defer func() {
		if cause := recover(); cause != (errDead{}) {
			w.t.Fatalf("it does not get to %s %s: %v", act, name, cause)
		}
	}()
	w.t.Logf("ended: %v", step.Do(background, env))
}

type dyingCreator struct {
	update.Creator
	after string
}

func (d dyingCreator) Create(ctx context.Context, spec update.CreateSpec) error {
	err := d.Creator.Create(ctx, spec)
	if d.after == "create "+spec.Name {
		panic(errDead{})
	}
	return err
}

type dyingContainers struct {
	update.Containers
	after string
}

func (d dyingContainers) Start(ctx context.Context, name string) error {
	err := d.Containers.Start(ctx, name)
	if d.after == "start "+name {
		panic(errDead{})
	}
	return err
}
