package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

func TestOpenRefuses(t *testing.T) {
	root := os.Geteuid() == 0
	for name, test := range map[string]struct {
		prepare func(state string) error
		want    string
		asRoot  bool
	}{
		"open to others": {prepare: func(state string) error { return errors.Join(os.Mkdir(state, 0o700), os.Chmod(state, 0o777)) }, want: "run: chmod 0700"},
		"group reads":    {prepare: func(state string) error { return errors.Join(os.Mkdir(state, 0o700), os.Chmod(state, 0o750)) }, want: "mode 0750"},
		"other owner":    {prepare: func(state string) error { return errors.Join(os.Mkdir(state, 0o700), os.Chown(state, 12345, 12345)) }, want: "belongs to user 12345", asRoot: true},
		"symlink":        {prepare: func(state string) error { return os.Symlink(os.TempDir(), state) }, want: "is a symbolic link"},
		"file":           {prepare: func(state string) error { return os.WriteFile(state, nil, 0o600) }, want: "is a file, not a directory"},
		"project is a file": {prepare: func(state string) error {
			return errors.Join(os.Mkdir(state, 0o700), os.WriteFile(state+"/shop", nil, 0o600))
		}, want: "is a file, not a directory"},
		"read-only": {prepare: func(state string) error {
			return errors.Join(os.Mkdir(state, 0o700), unix.Mount("tmpfs", state, "tmpfs", unix.MS_RDONLY, "mode=0700"))
		}, want: "is read-only", asRoot: true},
		"no inode left": {prepare: func(state string) error {
			return errors.Join(os.Mkdir(state, 0o700), unix.Mount("tmpfs", state, "tmpfs", 0, "mode=0700,nr_inodes=1"))
		}, want: "full disk", asRoot: true},
	} {
		t.Run(name, func(t *testing.T) {
			if test.asRoot && !root {
				t.Skip("needs root")
			}
			state := filepath.Join(t.TempDir(), "state")
			if err := test.prepare(state); errors.Is(err, unix.EPERM) {
				t.Skip("not allowed here")
			} else if err != nil {
				t.Fatal(err)
			}
			defer unix.Unmount(state, unix.MNT_DETACH)
			store, err := Open(state, "shop")
			if err == nil {
				store.Close()
			}
			var refused *StateError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) || refused.Hint == "" {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOpenRefusesAMissingParent(t *testing.T) {
	_, err := Open(t.TempDir()+"/a/b", "shop")
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.TempDir(), "../etc"); err == nil {
		t.Error("a project can name another directory")
	}
}

func TestModes(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	store := openStore(t)
	lock, log := openJournal(t, store)
	mustAppend(t, log, testRun("01A")...)
	if err := lock.SaveRelease(testRelease("01A", 1)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(store.Path(), func(path string, entry fs.DirEntry, err error) error {
		stat, statErr := entry.Info()
		if err = errors.Join(err, statErr); err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if stat.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, stat.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNetworkWarning(t *testing.T) {
	of := func(magic int64) func(string) (int64, error) {
		return func(string) (int64, error) { return magic, nil }
	}
	if got := networkWarning("/x", of(0x6969)); !strings.Contains(got, "/x is on NFS") {
		t.Errorf("NFS: %q", got)
	}
	if got := networkWarning("/x", of(0xef53)); got != "" {
		t.Errorf("ext4: %q", got)
	}
}

func TestReleases(t *testing.T) {
	store := openStore(t)
	if _, err := store.Newest(); !errors.Is(err, ErrNoRelease) {
		t.Errorf("no release: %v", err)
	}
	lock, _ := openJournal(t, store)
	for _, number := range []int{9, 10} {
		if err := lock.SaveRelease(testRelease("old", number)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lock.SaveRelease(testRelease("other", 10)); err == nil {
		t.Error("a release was changed")
	}
	if err := lock.SavePending(testRelease("01A", 11)); err != nil {
		t.Fatal(err)
	}
	if newest, _ := store.Newest(); newest.Number != 10 {
		t.Errorf("newest is %d before the commit", newest.Number)
	}
	for range 2 {
		if release, err := lock.Promote("01A"); err != nil || release.Number != 11 {
			t.Fatalf("promote: %d, %v", release.Number, err)
		}
	}
	if newest, err := store.Newest(); err != nil || newest.Number != 11 || string(newest.Rendered) != "services: {}" {
		t.Errorf("newest is %+v, %v", newest, err)
	}
	if _, err := lock.Promote("01B"); !errors.Is(err, ErrNoRelease) {
		t.Errorf("promote nothing: %v", err)
	}
}

func TestReleaseOfAnotherFormat(t *testing.T) {
	store := openStore(t)
	for name, content := range map[string]string{
		"1.json": `{"format": 2, "number": 1}`, "2.json": `{`, "3.json": `{"format": 1, "number": 4}`,
	} {
		if err := os.WriteFile(filepath.Join(store.Path(), releasesName, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var format *FormatError
	if _, err := store.Release(1); !errors.As(err, &format) {
		t.Errorf("future format: %v", err)
	}
	if _, err := store.Release(2); err == nil || !strings.Contains(err.Error(), "not a release record") {
		t.Errorf("half a record: %v", err)
	}
	if _, err := store.Release(3); err == nil || !strings.Contains(err.Error(), "renamed or copied") {
		t.Errorf("copied record: %v", err)
	}
}

func TestBeginSweepsWhatAKilledRunLeft(t *testing.T) {
	store := openStore(t)
	lock, log := openJournal(t, store)
	for _, run := range []string{"dead", "01A"} {
		if err := lock.SavePending(testRelease(run, 1)); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(store.Path(), releasesName, "1.json"+temporarySuffix)
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryBegin, Run: "01A"})
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a temporary file stayed")
	}
	if _, err := store.Pending("dead"); !errors.Is(err, ErrNoRelease) {
		t.Errorf("the pending release of the dead run stayed: %v", err)
	}
	if _, err := store.Pending("01A"); err != nil {
		t.Errorf("the pending release of this run: %v", err)
	}
}
