package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// files is the file system below the directory of one project. Names are
// relative to it. It is an interface so that a test can lose what was not
// synced.
type files interface {
	// create makes a new file, with mode 0600, for appending.
	create(name string) (file, error)
	// open opens an existing file for appending.
	open(name string) (file, error)
	// read returns the whole file, or *SizeError if it is longer than the limit.
	read(name string, limitBytes int64) ([]byte, error)
	rename(oldName, newName string) error
	// link gives a file a second name; the first may be lost where the file
	// system cannot do that.
	link(oldName, newName string) error
	remove(name string) error
	mkdir(name string) error
	list(directory string) ([]string, error)
	sizeOf(name string) (int64, error)
	// syncDirectory makes the names in a directory durable.
	syncDirectory(directory string) error
}

// file is an open file. Writes go to its end.
type file interface {
	io.Writer
	Truncate(sizeBytes int64) error
	// Allocate reserves the space of a file of this size.
	Allocate(sizeBytes int64) error
	Sync() error
	Close() error
}

// diskFiles are real files. os.Root keeps every name below the directory.
type diskFiles struct{ root *os.Root }

// diskFile is a real open file.
type diskFile struct{ *os.File }

// Allocate reserves blocks, so that deleting the file gives them back.
func (f diskFile) Allocate(sizeBytes int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, sizeBytes)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	zeros := make([]byte, 1<<20)
	for left := sizeBytes; left > 0; left -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return nil
}

func (d diskFiles) create(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d diskFiles) open(name string) (file, error) {
	if err := d.regular(name); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d diskFiles) read(name string, limitBytes int64) ([]byte, error) {
	if err := d.regular(name); err != nil {
		return nil, err
	}
	if size, err := d.sizeOf(name); err == nil && size > limitBytes {
		return nil, &SizeError{Path: d.path(name), SizeBytes: size, LimitBytes: limitBytes}
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limitBytes+1))
	if err == nil && int64(len(content)) > limitBytes {
		return nil, &SizeError{Path: d.path(name), SizeBytes: limitBytes + 1, LimitBytes: limitBytes}
	}
	return content, err
}

// regular refuses what stands in the place of a file of ours: we write only
// regular files, so anything else was put there by somebody else.
func (d diskFiles) regular(name string) error {
	stat, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if stat.Mode().IsRegular() {
		return nil
	}
	return &StateError{
		Path:    d.path(name),
		Problem: "is a " + kindOfFile(stat.Mode()) + ", not a file",
		Hint:    "gapless makes only regular files there; move it away",
	}
}

func (d diskFiles) path(name string) string { return d.root.Name() + "/" + name }

func (d diskFiles) rename(oldName, newName string) error { return d.root.Rename(oldName, newName) }

func (d diskFiles) link(oldName, newName string) error {
	err := d.root.Link(oldName, newName)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return d.root.Rename(oldName, newName)
	}
	return err
}

func (d diskFiles) remove(name string) error { return d.root.Remove(name) }

func (d diskFiles) mkdir(name string) error { return d.root.Mkdir(name, 0o700) }

func (d diskFiles) list(directory string) ([]string, error) {
	f, err := d.root.Open(directory)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d diskFiles) sizeOf(name string) (int64, error) {
	stat, err := d.root.Lstat(name)
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

func (d diskFiles) syncDirectory(directory string) error {
	f, err := d.root.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// kindOfFile says in words what a mode stands for.
func kindOfFile(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode.IsRegular():
		return "file"
	}
	return "special file"
}

// writeNew writes a whole file under a temporary name, syncs it and gives it
// its name: a reader sees all of it or nothing, whatever crashes.
func writeNew(disk files, directory, name string, content []byte) error {
	temporary := directory + "/" + name + temporarySuffix
	if err := ignoreMissing(disk.remove(temporary)); err != nil {
		return err
	}
	f, err := disk.create(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, disk.remove(temporary))
	}
	if err := disk.rename(temporary, directory+"/"+name); err != nil {
		return err
	}
	return disk.syncDirectory(directory)
}

// temporarySuffix marks files that nobody relies on yet.
const temporarySuffix = ".new"

// ignoreMissing makes "no such file" a success.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// SizeError says that a file is larger than anything that Gapless writes.
type SizeError struct {
	Path       string
	SizeBytes  int64
	LimitBytes int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, and gapless writes at most %d; it is not read: look at what wrote it, then move it away",
		e.Path, e.SizeBytes, e.LimitBytes)
}
