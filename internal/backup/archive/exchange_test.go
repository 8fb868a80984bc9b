package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type killed struct{}

// TestExchangeIsKilledAnywhere: after each act the exchange dies, and is run again
// to its end: then what was restored is there, and all of today is aside.
func TestExchangeIsKilledAnywhere(t *testing.T) {
	before := filled(t)
	want := linesOf(t, before)
	archived := packed(t, before)
	for last := 0; ; last++ {
		root := t.TempDir()
		must(t, os.WriteFile(filepath.Join(root, "a"), []byte("of today"), 0o600), os.Mkdir(filepath.Join(root, "later"), 0o700), os.WriteFile(filepath.Join(root, "later/x"), []byte("x"), 0o600),
			os.Mkdir(filepath.Join(root, AsidePrefix+"earlier"), 0o700))
		must(t, Fill(bytes.NewReader(archived), root, "1"))
		if got := linesOf(t, Staging(root, "1")); !slices.Equal(got, want) {
			t.Fatalf("filled\n%s", strings.Join(got, "\n"))
		}
		x := &exchange{root: root, staging: filepath.Join(root, StagingPrefix+"1"), fresh: Staging(root, "1"), aside: filepath.Join(root, AsidePrefix+"1")}
		acts := 0
		err := func() (err error) {
			defer func() {
				if _, dead := recover().(killed); dead {
					err = errors.New("killed")
				}
			}()
			return x.run(func(string) {
				if acts++; acts > last {
					panic(killed{})
				}
			})
		}()
		if err == nil && acts <= last {
			if acts < 5 {
				t.Errorf("%d acts", acts)
			}
			break
		}
		must(t, Exchange(root, "1", nil))
		must(t, Exchange(root, "1", nil)) // nobody may have heard that it is done
		if got := linesOf(t, root); !slices.Equal(got, want) {
			t.Fatalf("killed after %d acts:\n%s\nand not\n%s", last, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		kept, _ := os.ReadFile(filepath.Join(root, AsidePrefix+"1", "a"))
		if _, err := os.Stat(filepath.Join(root, AsidePrefix+"1", "later/x")); err != nil || string(kept) != "of today" {
			t.Errorf("killed after %d acts: %v, %q is kept", last, err, kept)
		}
		if _, err := os.Stat(filepath.Join(root, AsidePrefix+"earlier")); err != nil {
			t.Errorf("what an earlier restore has kept: %v", err)
		}
	}
}

// TestExchangeOfNames leaves everything else where it is.
func TestExchangeOfNames(t *testing.T) {
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "dump.rdb"), []byte("of today"), 0o600), os.WriteFile(filepath.Join(root, "other"), []byte("x"), 0o600))
	var b bytes.Buffer
	must(t, Pack(&b, []Part{{Path: "aof/"}, {Path: "dump.rdb", Size: 3, Content: func(to io.Writer) error { _, err := to.Write([]byte("rdb")); return err }}}, os.Geteuid(), os.Getegid()))
	must(t, Fill(&b, root, "1"), Exchange(root, "1", []string{"dump.rdb", "aof"}))
	now, _ := os.ReadFile(filepath.Join(root, "dump.rdb"))
	kept, _ := os.ReadFile(filepath.Join(root, AsidePrefix+"1", "dump.rdb"))
	if _, err := os.Stat(filepath.Join(root, "other")); err != nil || string(now) != "rdb" || string(kept) != "of today" {
		t.Errorf("%q, %q, %v", now, kept, err)
	}
	if entries, bytes, err := Held(root); entries != 3 || bytes != 4 || err != nil {
		t.Errorf("holds %d, %d bytes, %v", entries, bytes, err)
	}
}

// TestDiscardTakesOneRestore: what it does not know stays.
func TestDiscardTakesOneRestore(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{StagingPrefix + "1", StagingPrefix + "12", AsidePrefix + "1"} {
		must(t, os.Mkdir(filepath.Join(root, name), 0o700))
	}
	must(t, Discard(root, "1"))
	if names, _ := os.ReadDir(root); len(names) != 2 {
		t.Errorf("left: %v", names)
	}
	for _, id := range []string{"", "../x", "a/b"} {
		if Discard(root, id) == nil || Exchange(root, id, nil) == nil {
			t.Errorf("%q is a restore", id)
		}
	}
	if err := Exchange(root, "2", nil); !errors.Is(err, ErrNotStaged) {
		t.Error(err)
	}
}
