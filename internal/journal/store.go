package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"golang.org/x/sys/unix"
)

// The names in the directory of a project.
const (
	lockName     = "lock"
	ownerName    = "owner.json"
	logName      = "journal.log"
	ballastName  = "ballast"
	runsName     = "runs"
	releasesName = "releases"
	pendingName  = "pending"
	receiptsName = "receipts"
	moveName     = "move.json"
)

// Store is the state directory of one project.
type Store struct {
	path     string
	disk     files
	root     *os.Root
	warnings []string
}

// StateError says what is wrong with the state directory and how to mend it.
type StateError struct {
	Path    string
	Problem string
	Hint    string
	Err     error // what the system said; nil if it said nothing
}

func (e *StateError) Error() string {
	text := e.Path + " " + e.Problem
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

func (e *StateError) Unwrap() error { return e.Err }

// projectName is what Compose allows as the name of a project.
var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,199}$`)

// Open opens the state of a project below the state directory. Both
// directories are made, with mode 0700, if the parent of the state directory
// is there. Nothing that others can write to, or own, is used.
func Open(stateDirectory, project string) (*Store, error) {
	if !projectName.MatchString(project) {
		return nil, fmt.Errorf("project name %q cannot name a directory; use lower-case letters, digits, - and _", project)
	}
	stateDirectory, err := filepath.Abs(stateDirectory)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(stateDirectory, project)
	for _, directory := range []string{stateDirectory, path} {
		if err := ensureDirectory(directory, syncPath); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, explain(path, err)
	}
	store := &Store{path: path, disk: diskFiles{root}, root: root}
	if warning := networkWarning(path, fileSystemType); warning != "" {
		store.warnings = append(store.warnings, warning)
	}
	if err := layOut(store.disk); err != nil {
		return nil, errors.Join(explain(path, err), root.Close())
	}
	return store, nil
}

// Close frees the directory. It does not free a lock.
func (s *Store) Close() error { return s.root.Close() }

// Path is the directory of the project.
func (s *Store) Path() string { return s.path }

// Warnings are sentences about a directory that works but promises less.
func (s *Store) Warnings() []string { return s.warnings }

// layOut makes the directories inside.
func layOut(disk files) error {
	made := false
	for _, name := range []string{runsName, releasesName, pendingName, receiptsName} {
		err := disk.mkdir(name)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made = made || err == nil
	}
	if !made {
		return nil
	}
	return disk.syncDirectory(".")
}

// EnsureDirectory makes a directory for its owner alone, in a parent that is
// there. One that exists is taken if it is a directory of ours into which
// nobody else can write; others may read it, because what lies in it is
// private by itself. Errors that a person can mend are *StateError.
func EnsureDirectory(path string) error {
	stat, err := os.Lstat(path)
	if err == nil && stat.IsDir() && stat.Mode().Perm()&0o022 == 0 && stat.Mode().Perm()&0o077 != 0 {
		return checkOwner(path, stat)
	}
	return ensureDirectory(path, syncPath)
}

// ensureDirectory makes one directory, syncs its parent, and checks that it
// is ours alone.
func ensureDirectory(path string, syncParent func(string) error) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case err == nil:
		if err := syncParent(filepath.Dir(path)); err != nil {
			return explain(path, err)
		}
	case errors.Is(err, fs.ErrExist), errors.Is(err, unix.EROFS):
		// It may be there; the checks below say what it is.
	case errors.Is(err, fs.ErrNotExist):
		return &StateError{Path: path, Problem: "cannot be made: its parent " + filepath.Dir(path) + " does not exist",
			Hint: "make it, or set GAPLESS_STATE_DIR to a directory whose parent exists", Err: err}
	default:
		return explain(path, err)
	}
	return checkDirectory(path)
}

// checkDirectory refuses what is not a private, writable directory of ours.
func checkDirectory(path string) error {
	stat, err := os.Lstat(path)
	if err != nil {
		return explain(path, err)
	}
	if !stat.IsDir() {
		return &StateError{Path: path, Problem: "is a " + kindOfFile(stat.Mode()) + ", not a directory",
			Hint: "move it away, or set GAPLESS_STATE_DIR to a real directory"}
	}
	if err := checkOwner(path, stat); err != nil {
		return err
	}
	if mode := stat.Mode().Perm(); mode&0o077 != 0 {
		return &StateError{Path: path, Problem: fmt.Sprintf("is open to others (mode %04o)", mode),
			Hint: "run: chmod 0700 " + path}
	}
	if err := unix.Access(path, unix.W_OK|unix.X_OK); err != nil {
		return explain(path, err)
	}
	return nil
}

// checkOwner refuses what belongs to somebody else.
func checkOwner(path string, stat fs.FileInfo) error {
	if owner := stat.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return &StateError{Path: path, Problem: fmt.Sprintf("belongs to user %d, not to user %d", owner, os.Geteuid()),
			Hint: "run gapless as its owner, or set GAPLESS_STATE_DIR"}
	}
	return nil
}

// explain turns an error of the system into one that says what to do.
func explain(path string, err error) error {
	known := []struct {
		is      error
		problem string
		hint    string
	}{
		{unix.EROFS, "is read-only", "remount it writable, or set GAPLESS_STATE_DIR"},
		{unix.EACCES, "is not writable", "run gapless as its owner, or set GAPLESS_STATE_DIR"},
		{unix.EPERM, "is not writable", "run gapless as its owner, or set GAPLESS_STATE_DIR"},
		{unix.ENOSPC, "is on a full disk (no blocks or no inodes left)", "free space there; gapless needs 32 MiB"},
		{unix.EDQUOT, "is on a disk whose quota is used up", "free space there; gapless needs 32 MiB"},
		{unix.ENOTDIR, "has a file where a directory must be", "move it away, or set GAPLESS_STATE_DIR"},
	}
	for _, k := range known {
		if errors.Is(err, k.is) {
			return &StateError{Path: path, Problem: k.problem, Hint: k.hint, Err: err}
		}
	}
	return fmt.Errorf("state directory %s: %w", path, err)
}

// syncPath makes the names in a directory durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
