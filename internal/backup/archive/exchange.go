package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The parts of a staging directory.
const (
	freshName = "new" // what was restored
	movedName = "in"  // everything of today is out of the way
)

// ErrNotStaged says that there is nothing to exchange.
var ErrNotStaged = errors.New("nothing restored is there to be exchanged")

// CheckID refuses what would be another directory.
func CheckID(id string) error {
	if id == "" || strings.ContainsAny(id, "/\x00") || len(id) > 100 {
		return fmt.Errorf("%.80q cannot name a restore", id)
	}
	return nil
}

// Staging is where Fill has put what was restored.
func Staging(root, id string) string { return filepath.Join(root, StagingPrefix+id, freshName) }

// Fill extracts an archive beside what is in a directory, and onto its disk. Nobody who uses it sees
// more than a directory that he cannot enter.
func Fill(from io.Reader, root, id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(root, StagingPrefix+id), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(Staging(root, id), 0o700); err != nil {
		return err
	}
	if err := Extract(from, Staging(root, id)); err != nil {
		return err
	}
	volume, err := os.Open(root)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(volume.Fd())), volume.Close())
}

// Discard removes what Fill has left of one restore, and nothing else.
func Discard(root, id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(root, StagingPrefix+id))
}

// Exchange puts what was restored in the place of what is there, by renaming:
// first everything of today goes aside, then the restored comes in. It may be
// killed at any moment and run again; nobody else may use the directory meanwhile.
// With names only those go aside; else all, and the directory gets the owner,
// mode and time that it had.
func Exchange(root, id string, names []string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if len(names) == 0 {
		names = nil
	}
	x := &exchange{root: root, staging: filepath.Join(root, StagingPrefix+id), fresh: Staging(root, id), aside: filepath.Join(root, AsidePrefix+id), names: names}
	return x.run(func(string) {})
}

type exchange struct {
	root, staging, fresh, aside string
	names                       []string
}

// run does what is left to do; reached is told of each act, in tests.
func (x *exchange) run(reached func(string)) error {
	_, err := os.Lstat(x.staging)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(x.aside); err == nil {
			return nil // done by an earlier attempt
		}
		return ErrNotStaged
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(x.fresh); errors.Is(err, fs.ErrNotExist) {
		return x.clear() // everything is in
	}
	if _, err := os.Lstat(filepath.Join(x.staging, movedName)); errors.Is(err, fs.ErrNotExist) {
		if err := x.putAside(reached); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := x.bringIn(reached); err != nil {
		return err
	}
	reached("brought in")
	if err := os.Remove(x.fresh); err != nil {
		return err
	}
	reached("emptied")
	return x.clear()
}

// clear removes the staging directory once all is in. The time of the directory
// comes last, because each name changes it.
func (x *exchange) clear() error {
	at, err := os.ReadFile(filepath.Join(x.staging, movedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(x.staging); err != nil {
		return err
	}
	if modified, err := strconv.ParseInt(string(at), 10, 64); err == nil && x.names == nil {
		time := unix.NsecToTimespec(modified)
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, x.root, []unix.Timespec{time, time}, 0); err != nil {
			return err
		}
	}
	return syncDirectory(x.root)
}

// putAside moves everything of today away.
func (x *exchange) putAside(reached func(string)) error {
	if err := os.Mkdir(x.aside, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	names, err := x.today()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := moveAside(filepath.Join(x.root, name), x.aside); err != nil {
			return err
		}
		reached("aside " + name)
	}
	if err := errors.Join(syncDirectory(x.aside), syncDirectory(x.root)); err != nil {
		return err
	}
	if err := x.mark(); err != nil {
		return err
	}
	reached("moved")
	return nil
}

// today lists what goes aside.
func (x *exchange) today() ([]string, error) {
	entries, err := os.ReadDir(x.root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !isOurs(entry.Name()) && (x.names == nil || contains(x.names, entry.Name())) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// bringIn gives what was restored its names. Whoever has taken one meanwhile goes
// aside too.
func (x *exchange) bringIn(reached func(string)) error {
	entries, err := os.ReadDir(x.fresh)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from, to := filepath.Join(x.fresh, entry.Name()), filepath.Join(x.root, entry.Name())
		err := rename(from, to)
		if errors.Is(err, unix.EEXIST) {
			if err = moveAside(to, x.aside); err == nil {
				err = rename(from, to)
			}
		}
		if err != nil {
			return fmt.Errorf("bring %s in: %w", entry.Name(), err)
		}
		reached("in " + entry.Name())
	}
	if err := x.likeFresh(); err != nil {
		return err
	}
	return errors.Join(syncDirectory(x.fresh), syncDirectory(x.root))
}
