package statics

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A fresh directory gets the directories of the served one and no file, and
// who may write there may write here.
func TestPrepare(t *testing.T) {
	served := tree(t, map[string]string{"static/css/site.css": "x", "media/u.jpg": "u", "link": "-> media", stagingName + "/0": "left"})
	fresh := tree(t, nil)
	must(t, os.Chown(served, 1000, 1001))
	must(t, os.Chmod(served, 0o770|fs.ModeSetgid))
	must(t, os.Chown(filepath.Join(served, "static"), 1002, 1003))
	must(t, os.Chmod(filepath.Join(served, "static"), 0o711))
	for range 2 {
		must(t, Prepare(fresh, served))
	}
	if _, err := os.Lstat(filepath.Join(served, stagingName)); err == nil {
		t.Error("a staging directory is left")
	}
	want := map[string]string{"static/": "", "static/css/": "", "media/": ""}
	if got := read(t, fresh); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, name := range []string{".", "static", "media"} {
		have, err := os.Stat(filepath.Join(fresh, name))
		must(t, err)
		like, err := os.Stat(filepath.Join(served, name))
		must(t, err)
		mine, theirs := have.Sys().(*syscall.Stat_t), like.Sys().(*syscall.Stat_t)
		if have.Mode() != like.Mode() || mine.Uid != theirs.Uid || mine.Gid != theirs.Gid {
			t.Errorf("%s is %s of %d:%d, want %s of %d:%d", name, have.Mode(), mine.Uid, mine.Gid, like.Mode(), theirs.Uid, theirs.Gid)
		}
	}
}

// What cannot be written to is told before anything is collected.
func TestPrepareTries(t *testing.T) {
	if err := Prepare(tree(t, nil), "/proc/self"); err == nil || !strings.Contains(err.Error(), stagingName) {
		t.Errorf("a directory that cannot be written to: %v", err)
	}
}
