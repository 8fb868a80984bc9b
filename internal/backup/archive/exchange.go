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

// mark notes that everything of today is out of the way, with the time of the
// restored directory, which each rename changes.
func (x *exchange) mark() error {
	var stat unix.Stat_t
	if err := unix.Lstat(x.fresh, &stat); err != nil {
		return err
	}
	temporary := filepath.Join(x.staging, movedName+".new")
	file, err := os.Create(temporary)
	if err != nil {
		return err
	}
	_, err = file.WriteString(strconv.FormatInt(stat.Mtim.Nano(), 10))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(temporary, filepath.Join(x.staging, movedName)), syncDirectory(x.staging))
}

// likeFresh gives the directory the owner, the mode and the attributes that it had.
func (x *exchange) likeFresh() error {
	if x.names != nil {
		return nil
	}
	from, err := os.Open(x.fresh)
	if err != nil {
		return err
	}
	defer from.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(from.Fd()), &stat); err != nil {
		return err
	}
	e := Entry{Mode: stat.Mode & 0o7777, UID: int(stat.Uid), GID: int(stat.Gid), Modified: stat.Mtim.Nano()}
	if e.Attributes, err = attributes(from); err != nil {
		return err
	}
	to, err := os.Open(x.root)
	if err != nil {
		return err
	}
	return errors.Join(finish(to, e), to.Close())
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

// moveAside moves a name away. What an earlier attempt has moved there stays.
func moveAside(from, into string) error {
	to := filepath.Join(into, filepath.Base(from))
	for i := 1; ; i++ {
		err := rename(from, to)
		if errors.Is(err, unix.EEXIST) && i < 100 {
			to = filepath.Join(into, filepath.Base(from)+"."+strconv.Itoa(i))
			continue
		}
		if err != nil {
			return fmt.Errorf("move %s aside: %w", from, err)
		}
		return nil
	}
}

// rename takes a name that is free. Not every file system can look and rename in
// one act; nobody else is there.
func rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(unix.EEXIST, err)
	}
	return os.Rename(from, to)
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

func contains(names []string, name string) bool {
	for _, one := range names {
		if one == name {
			return true
		}
	}
	return false
}

func syncDirectory(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
