package statics

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tree lays out a directory: a name that ends in a slash is a directory, a
// content that begins with "-> " a symbolic link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		link, isLink := strings.CutPrefix(files[name], "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o755))
		case isLink:
			must(t, os.Symlink(link, path))
		default:
			must(t, os.WriteFile(path, []byte(files[name]), 0o644))
		}
	}
	return root
}

// read is the inverse of tree.
func read(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch entry.Type() {
		case fs.ModeDir:
			files[name+"/"] = ""
		case fs.ModeSymlink:
			link, err := os.Readlink(path)
			files[name] = "-> " + link
			return err
		default:
			content, err := os.ReadFile(path)
			files[name] = string(content)
			return err
		}
		return nil
	}))
	return files
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}

// What is new appears, what changed is replaced, what is the same is left
// alone, and nothing is deleted.
func TestPublish(t *testing.T) {
	fresh := tree(t, map[string]string{
		"css/site.2.css": "two", "css/site.css": "two", "css/deep/er/a.css": "a", "same.txt": "same", "empty/": "",
		"link": "-> css/site.2.css", "moved": "-> new", "was-link": "file", "logo.png": "same size", "same-link": "-> x",
	})
	served := tree(t, map[string]string{
		"css/site.1.css": "one", "css/site.css": "one", "same.txt": "same", "moved": "-> old", "was-link": "-> same.txt", "upload/u.jpg": "u",
		"logo.png": "size same", "same-link": "-> x",
	})
	before := inode(t, filepath.Join(served, "same.txt"))
	want := read(t, served)
	maps.Copy(want, read(t, fresh))
	published, err := Publish(fresh, served)
	must(t, err)
	if got := read(t, served); !maps.Equal(got, want) {
		t.Errorf("served: %v\nwant:   %v", got, want)
	}
	if want := (Published{New: 3, Changed: 4, Same: 2}); published != want {
		t.Errorf("%+v, want %+v", published, want)
	}
	if inode(t, filepath.Join(served, "same.txt")) != before {
		t.Error("a file that is the same was replaced")
	}
	again, err := Publish(fresh, served)
	must(t, err)
	if want := (Published{Same: 9}); again != want {
		t.Errorf("a second time: %+v, want %+v", again, want)
	}
}

// Owners, modes and times come along; a new mode alone is a change.
func TestPublishOwners(t *testing.T) {
	fresh := tree(t, map[string]string{"dir/app.css": "a", "link": "-> dir/app.css", "mode.css": "m"})
	served := tree(t, map[string]string{"mode.css": "m"})
	then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, os.Chmod(filepath.Join(fresh, "dir"), 0o751|fs.ModeSetgid))
	must(t, os.Chmod(filepath.Join(fresh, "dir/app.css"), 0o640))
	must(t, os.Chmod(filepath.Join(fresh, "mode.css"), 0o600))
	must(t, os.Chtimes(filepath.Join(fresh, "dir/app.css"), then, then))
	for i, name := range []string{"dir/app.css", "link", "dir"} {
		must(t, os.Lchown(filepath.Join(fresh, name), 1000+i, 2000+i))
	}
	must(t, os.Chmod(filepath.Join(fresh, "dir"), 0o751|fs.ModeSetgid)) // the change of the owner took it away
	_, err := Publish(fresh, served)
	must(t, err)
	for _, name := range []string{"dir", "dir/app.css", "link", "mode.css"} {
		want, err := os.Lstat(filepath.Join(fresh, name))
		must(t, err)
		got, err := os.Lstat(filepath.Join(served, name))
		must(t, err)
		wantOwner, gotOwner := want.Sys().(*syscall.Stat_t), got.Sys().(*syscall.Stat_t)
		if got.Mode() != want.Mode() || gotOwner.Uid != wantOwner.Uid || gotOwner.Gid != wantOwner.Gid {
			t.Errorf("%s: %s of %d:%d, want %s of %d:%d", name, got.Mode(), gotOwner.Uid, gotOwner.Gid, want.Mode(), wantOwner.Uid, wantOwner.Gid)
		}
	}
	if info, err := os.Stat(filepath.Join(served, "dir/app.css")); err != nil || !info.ModTime().Equal(then) {
		t.Errorf("time: %v %v", info.ModTime(), err)
	}
}

// What cannot be published is said before anything appeared.
func TestPublishRefuses(t *testing.T) {
	for name, c := range map[string]struct{ fresh, served map[string]string }{
		"site is a file and would replace a directory":          {map[string]string{"a": "new", "site": "f"}, map[string]string{"site/x": "x"}},
		"site is a directory and would replace a file":          {map[string]string{"a": "new", "site/x": "x"}, map[string]string{"site": "f"}},
		"site is a directory and would replace a symbolic link": {map[string]string{"a": "new", "site/x": "x"}, map[string]string{"site": "-> other", "other/": ""}},
		"pipe is neither": {map[string]string{"a": "new", "pipe": "mkfifo"}, map[string]string{}},
		"pipe is a file and would replace a special file": {map[string]string{"a": "new", "pipe": "f"}, map[string]string{"pipe": "mkfifo"}},
	} {
		fresh, served := tree(t, c.fresh), tree(t, c.served)
		for _, path := range []string{filepath.Join(fresh, "pipe"), filepath.Join(served, "pipe")} {
			if content, err := os.ReadFile(path); err == nil && string(content) == "mkfifo" {
				must(t, os.Remove(path))
				must(t, syscall.Mkfifo(path, 0o644))
			}
		}
		if _, err := Publish(fresh, served); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
		if _, err := os.Lstat(filepath.Join(served, "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something appeared", name)
		}
		if _, err := os.Lstat(filepath.Join(served, stagingName)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a staging directory is left", name)
		}
	}
}

// Everything that is in the way is said at once, up to some.
func TestPublishSaysAllProblems(t *testing.T) {
	fresh, served := map[string]string{}, map[string]string{}
	for i := range 9 {
		fresh[fmt.Sprintf("a%d/x", i)], served[fmt.Sprintf("a%d", i)] = "x", "file"
	}
	_, err := Publish(tree(t, fresh), tree(t, served))
	if err == nil || len(strings.Split(err.Error(), "\n")) != mostProblems {
		t.Error(err)
	}
}

// New names come before changed ones, and a directory before what is in it.
func TestPublishOrder(t *testing.T) {
	fresh := tree(t, map[string]string{"a.html": "new", "b/site.2.css": "2", "z.2.css": "z"})
	served := tree(t, map[string]string{"a.html": "old"})
	p, err := open(fresh, served)
	must(t, err)
	defer p.close()
	var moved []string
	p.reached = func(place string) {
		if name, ok := strings.CutPrefix(place, "move "); ok {
			moved = append(moved, name)
		}
	}
	_, err = p.publish()
	must(t, err)
	if want := []string{"b", "b/site.2.css", "z.2.css", "a.html"}; !slices.Equal(moved, want) {
		t.Errorf("moved %v, want %v", moved, want)
	}
}
