package change

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// TestHashSourceSeesWhatABuildSees changes one thing at a time.
func TestHashSourceSeesWhatABuildSees(t *testing.T) {
	directory := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := &types.BuildConfig{Context: directory}
	sum := func() string {
		t.Helper()
		s, err := HashSource(build)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("Dockerfile", "FROM scratch\n")
	write(".dockerignore", "*.log\nnode_modules\n!node_modules/keep\n")
	write("app/main.py", "print(1)\n")
	last := sum()
	if last != sum() {
		t.Fatal("the same context gives two sums")
	}
	for _, c := range []struct {
		what    string
		act     func()
		differs bool
	}{
		{"an ignored file", func() { write("debug.log", "x") }, false},
		{"a file in an ignored folder", func() { write("node_modules/a", "x") }, false},
		{"an exception of the ignore file", func() { write("node_modules/keep", "x") }, true},
		{"source", func() { write("app/main.py", "print(2)\n") }, true},
		{"a new file", func() { write("app/new.py", "") }, true},
		{"the Dockerfile", func() { write("Dockerfile", "FROM scratch\nUSER 1\n") }, true},
		{"a build argument", func() { v := "1"; build.Args = types.MappingWithEquals{"A": &v} }, true},
		{"the mode of a file", func() { _ = os.Chmod(filepath.Join(directory, "app/main.py"), 0o755) }, true},
	} {
		c.act()
		now := sum()
		if (now != last) != c.differs {
			t.Errorf("%s: sum changed: %t, want %t", c.what, now != last, c.differs)
		}
		last = now
	}
}
