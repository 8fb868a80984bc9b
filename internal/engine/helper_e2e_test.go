//go:build e2e

package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	directory, err := os.MkdirTemp("", "engt")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", directory, "gapless/cmd/gapless")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return filepath.Join(directory, "gapless"), nil
})

// collectWorld is a service that runs, and the directory that it serves from.
type collectWorld struct {
	*world
	env    *update.Env
	served string
	logs   []string // of the one-offs that are gone
	fresh  []string // volumes that one-offs had of their own
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

// A version is collected by an ordinary user beside what is served, and all of
// it is there afterwards, with its owners; the old one too.
func TestCollectBeside(t *testing.T) {
	for _, static := range []string{"static", "./public"} {
		t.Run(strings.Trim(static, "./"), func(t *testing.T) {
			w := newCollectWorld(t, static)
			stop, began := w.reads(), time.Now()
			must(t, w.step("new", 50).Do(background, w.env))
			t.Logf("collected and published in %s", time.Since(began).Round(time.Millisecond))
			stop()
			w.clean()
			if !slices.Contains(w.logs, "there: 0 files") || !slices.Contains(w.logs, "50 new, 1 changed, 0 as before") {
				t.Errorf("it did not collect beside: %q", w.logs)
			}
			for name, mode := range map[string]fs.FileMode{"css/49.new.css": 0o644, "css/page": 0o640} {
				info, err := os.Stat(filepath.Join(w.served, name))
				must(t, err)
				if owner := info.Sys().(*syscall.Stat_t); info.Mode() != mode || owner.Uid != 1234 || owner.Gid != 1234 {
					t.Errorf("%s is %s of %d:%d", name, info.Mode(), owner.Uid, owner.Gid)
				}
			}
		})
	}
}

// Where the new version collects into another volume than the one that runs,
// it does so in place.
func TestCollectIntoAnotherVolume(t *testing.T) {
	w := newCollectWorld(t, "static")
	w.write("compose.yaml", strings.NewReplacer("STATIC", "other", "static: }", "static: , other: }").Replace(collectProject))
	bench, spec := w.bench(), update.CreateSpec{Service: "app", Name: w.name + "-app-task", Run: "run1", Command: []string{"print", "x"}, Beside: "/srv/static"}
	must(t, bench.Create(background, spec))
	made, err := bench.Inspect(background, spec.Name)
	must(t, err)
	found, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	if there := inspected(found, "/srv/static"); made.Beside != "" || there.source != w.name+"_other" {
		t.Errorf("beside %q, with %v", made.Beside, there)
	}
}

// A helper that cannot do its work is no reason to fail: the files are collected
// in place, with the reason.
func TestCollectWithoutHelpers(t *testing.T) {
	w := newCollectWorld(t, "static")
	w.env.Creator.(watchedCreator).helper.Command = []string{"/" + w.name, "nothing-of-the-kind"}
	said := &told{}
	w.env.Sink = said
	must(t, w.step("new", 5).Do(background, w.env))
	w.clean()
	if content, err := os.ReadFile(filepath.Join(w.served, "css", "page")); string(content) != "new" || !slices.Contains(w.logs, "there: 2 files") {
		t.Errorf("the page is %s %v; %q", content, err, w.logs)
	}
	if !strings.Contains(said.text, "collected in place") || !strings.Contains(said.text, "nothing-of-the-kind") {
		t.Errorf("said %q", said.text)
	}
}

// told keeps what a user is told.
type told struct{ text string }

func (s *told) Emit(event update.Event) { s.text += event.Text + "\n" }

// Whenever the process dies, the undo by another one leaves nothing behind: a
// publication that runs comes to its end first.
func TestCollectCutOff(t *testing.T) {
	w := newCollectWorld(t, "static")
	for _, c := range []struct{ last, helper string }{{"create", ""}, {"create", update.HelperPrepare}, {"start", update.HelperPrepare}, {"start", "task"},
		{"create", update.HelperPublish}, {"start", update.HelperPublish}} {
		version := strings.Trim(c.last+"-"+c.helper, "-")
		step := w.step(version, 400)
		stop := w.reads()
		w.dieAfter(step, c.last, c.helper)
		must(t, step.Undo(background, w.collectEnv()))
		stop()
		w.clean()
		published := c.last == "start" && c.helper == update.HelperPublish
		if _, err := os.Stat(filepath.Join(w.served, "css", "399."+version+".css")); (err == nil) != published {
			t.Errorf("dead after %s: published %t", version, err == nil)
		}
	}
}

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

// A publication that is killed is made whole by the next one.
func TestPublicationKilled(t *testing.T) {
	w := newCollectWorld(t, "static")
	step := w.step("first", 4000)
	stop := w.reads()
	done := make(chan error, 1)
	go func() { done <- step.Do(background, w.env) }()
	eventually(t, "files are being made ready", func() bool {
		_, err := os.Stat(filepath.Join(w.served, ".gapless-staging", "5"))
		return err == nil
	})
	w.docker("kill", step.Beside.Publish)
	err := <-done
	if err == nil || !strings.Contains(err.Error(), step.Beside.Publish) {
		t.Fatalf("it was not killed: %v", err)
	}
	must(t, step.Undo(background, w.env))
	must(t, w.step("second", 10).Do(background, w.env))
	stop()
	w.clean()
	if content, err := os.ReadFile(filepath.Join(w.served, "css", "page")); string(content) != "second" {
		t.Errorf("the page is %s %v", content, err)
	}
}

// What cannot be published fails the task with what is in the way.
func TestPublicationRefused(t *testing.T) {
	w := newCollectWorld(t, "static")
	must(t, os.Mkdir(filepath.Join(w.served, "css", "0.new.css"), 0o755))
	err := w.step("new", 3).Do(background, w.env)
	if err == nil {
		t.Fatal("it was published")
	}
	lines := strings.Join(w.env.Logs(background, w.step("new", 3).Beside.Publish), "\n")
	if !strings.Contains(lines, "css/0.new.css is a file and would replace a directory") {
		t.Errorf("%v\n%s", err, lines)
	}
	must(t, w.step("new", 3).Undo(background, w.env))
	if _, err := os.Stat(filepath.Join(w.served, "css", "1.new.css")); err == nil {
		t.Error("some of it was published")
	}
}

// docker compose down takes a helper away like any one-off that ended. The hooks
// of the service do not run in it, which has no such program.
func TestComposeRemovesHelpers(t *testing.T) {
	w := newCollectWorld(t, "static")
	step := w.step("new", 3)
	w.dieAfter(step, "start", update.HelperPublish)
	if output := w.compose("ps", "-a"); strings.Contains(output, "Error") {
		t.Error(output)
	}
	waitExit(t, w.bench(), step.Beside.Publish)
	w.compose("down", "--remove-orphans", "--volumes", "--timeout", "0")
	if left := w.containers(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
