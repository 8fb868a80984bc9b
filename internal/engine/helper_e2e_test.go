//go:build e2e

package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gapless/internal/update"
)

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

// A publication that is killed is made whole by the next one. It is slow, so that
// it cannot be over when it is killed.
func TestPublicationKilled(t *testing.T) {
	w := newCollectWorld(t, "static")
	step := w.step("first", 2000)
	w.slow = step.Beside.Publish
	stop := w.reads()
	done := make(chan error, 1)
	go func() { done <- step.Do(background, w.env) }()
	for begun := false; !begun; {
		select {
		case err := <-done:
			t.Fatalf("it is over before files are made ready: %v", err)
		case <-time.After(10 * time.Millisecond):
			_, err := os.Stat(filepath.Join(w.served, ".gapless-staging", "5"))
			begun = err == nil
		}
	}
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
