package statics

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// errCut stands for the death of the process.
var errCut = errors.New("cut off")

// A publication that dies at any moment and is run again ends like one that
// was left alone: also its directories have their owners and modes.
func TestPublishIsRepeatable(t *testing.T) {
	files := map[string]string{"css/site.2.css": "two", "css/new/a.css": "a", "index.html": "site.2.css", "link": "-> css"}
	old := map[string]string{"css/site.1.css": "one", "index.html": "site.1.css"}
	places := 0
	for at := 1; ; at++ {
		fresh, served := tree(t, files), tree(t, old)
		must(t, os.Chmod(filepath.Join(fresh, "css/new"), 0o775))
		must(t, os.Chown(filepath.Join(fresh, "css/new"), 1000, 1000))
		if !dies(t, fresh, served, at) {
			break
		}
		places++
		_, err := Publish(fresh, served)
		must(t, err)
		want := read(t, fresh)
		want["css/site.1.css"] = "one"
		if got := read(t, served); !maps.Equal(got, want) {
			t.Errorf("cut off at %d: %v, want %v", at, got, want)
		}
		info, err := os.Stat(filepath.Join(served, "css/new"))
		must(t, err)
		if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o775 || owner.Uid != 1000 {
			t.Errorf("cut off at %d: css/new is %s of %d", at, info.Mode(), owner.Uid)
		}
	}
	if places < 8 {
		t.Errorf("cut off at %d places only", places)
	}
}

// dies publishes and is cut off at a place; it reports whether it got there.
func dies(t *testing.T, fresh, served string, at int) (died bool) {
	t.Helper()
	p, err := open(fresh, served)
	must(t, err)
	defer p.close()
	defer func() {
		if cause := recover(); cause == errCut {
			died = true
		} else if cause != nil {
			panic(cause)
		}
	}()
	count := 0
	p.reached = func(string) {
		if count++; count == at {
			panic(errCut)
		}
	}
	_, err = p.publish()
	must(t, err)
	return false
}

// Nothing is moved if not all of it can be made ready.
func TestPublishAllOrNothing(t *testing.T) {
	fresh := tree(t, map[string]string{"a.css": "a", "b.css": "b"})
	served := tree(t, map[string]string{"index.html": "i"})
	p, err := open(fresh, served)
	must(t, err)
	defer p.close()
	p.reached = func(place string) {
		if place == "stage b.css" { // it goes away before it can be read
			must(t, os.Remove(filepath.Join(fresh, "b.css")))
		}
	}
	if _, err := p.publish(); err == nil || !strings.Contains(err.Error(), "b.css") {
		t.Error(err)
	}
	if got := read(t, served); len(got) != 1 {
		t.Errorf("served: %v", got)
	}
}

// Nobody else publishes meanwhile: the staging directory is one for all.
func TestPublishLocks(t *testing.T) {
	served := tree(t, nil)
	p, err := open(tree(t, map[string]string{"a.css": "a"}), served)
	must(t, err)
	other, err := os.Open(served)
	must(t, err)
	defer other.Close()
	locked := func() bool {
		return errors.Is(syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
	}
	asked := 0
	p.reached = func(place string) {
		if asked++; !locked() {
			t.Errorf("not locked at %s", place)
		}
	}
	_, err = p.publish()
	must(t, err)
	p.close()
	if asked == 0 || locked() {
		t.Errorf("asked %d times, locked %t", asked, locked())
	}
}
