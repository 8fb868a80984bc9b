package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

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
