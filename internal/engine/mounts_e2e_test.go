//go:build e2e

package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gapless/internal/update"
)

// A file that is replaced, as editors and git do, is not what a running
// container sees; one that is written to is. A restart sees the new one.
func TestMountsTellStaleFiles(t *testing.T) {
	w := newWorld(t, `
services:
  one:
    build: .
    restart: unless-stopped
    volumes: ["./site.conf:/etc/deep/site.conf", "./conf:/conf:ro"]
    configs: [file]
configs: {file: {file: ./file.conf}}
`)
	must(t, os.Mkdir(filepath.Join(w.directory, "conf"), 0o755))
	for _, name := range []string{"site.conf", "file.conf", "conf/a.conf"} {
		w.write(name, "one")
	}
	w.compose("up", "-d", "--build")
	bench, name := w.bench(), w.name+"-one-1"
	look := func() map[string]update.MountedFile {
		observed, err := bench.Observe(background)
		must(t, err)
		found, err := bench.Mounts(background, observed.Containers)
		must(t, err)
		byTarget := map[string]update.MountedFile{}
		for _, file := range found["one"] {
			byTarget[file.Target] = file
		}
		return byTarget
	}
	expect := func(when string, stale map[string]bool) {
		t.Helper()
		for target, file := range look() {
			if file.Stale != stale[target] || file.Hash == "" {
				t.Errorf("%s: %+v", when, file)
			}
		}
	}
	before := look()
	if len(before) != 3 {
		t.Fatalf("%+v", before)
	}
	expect("at first", nil)
	w.write("site.conf", "two")
	w.write("conf/a.conf", "two")
	expect("written", nil)
	replace := func(path string) {
		w.write(path+".new", "three")
		must(t, os.Rename(filepath.Join(w.directory, path+".new"), filepath.Join(w.directory, path)))
	}
	replace("site.conf")
	replace("file.conf")
	replace("conf/a.conf")
	expect("replaced", map[string]bool{"/etc/deep/site.conf": true, "/file": true})
	for target, file := range look() {
		if file.Hash == before[target].Hash {
			t.Errorf("%s: the same hash", target)
		}
	}
	c, err := bench.Inspect(background, name)
	must(t, err)
	step := &update.RestartStep{StopStep: update.StopStep{Service: "one", Name: name, ID: c.ID, Grace: 5 * time.Second, Restart: c.Restart}}
	must(t, step.Do(background, w.stepEnv()))
	expect("restarted", nil)
}
