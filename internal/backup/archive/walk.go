package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// walker goes through a volume, always in the same order: each directory before
// what is in it, names by their bytes.
type walker struct {
	links map[[2]uint64]string // first name of a file with several
	// visit gets each entry; a regular file also opened.
	visit func(e Entry, file *os.File) error
	// passed is told what is no data and is left out; nil: nobody is.
	passed func(path, why string)
}

// List gives the line of each entry of a directory.
func List(root string, line func(string) error) error {
	w := &walker{visit: func(e Entry, file *os.File) error {
		if e.Type == File {
			sum := sha256.New()
			read, err := io.Copy(sum, file)
			if err != nil {
				return err
			}
			e.Size, e.SHA256 = read, hex.EncodeToString(sum.Sum(nil))
		}
		return line(e.Line())
	}}
	return w.walk(root)
}

func (w *walker) walk(root string) error {
	w.links = map[[2]uint64]string{}
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", root, err)
	}
	directory := os.NewFile(uintptr(fd), root)
	defer directory.Close()
	return w.directory(directory, ".")
}

// directory visits a directory and all that is in it.
func (w *walker) directory(directory *os.File, path string) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(directory.Fd()), &stat); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	e, err := w.entry(path, stat, directory)
	if err == nil {
		err = w.visit(e, nil)
	}
	if err != nil {
		return err
	}
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if path == "." && isOurs(name) {
			continue
		}
		if err := w.name(directory, name, strings.TrimPrefix(path+"/"+name, "./")); err != nil {
			return err
		}
	}
	return nil
}

// name visits one name of a directory. What has gone meanwhile is not there.
func (w *walker) name(directory *os.File, name, path string) error {
	var stat unix.Stat_t
	err := unix.Fstatat(int(directory.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = w.statted(directory, name, path, stat)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (w *walker) statted(directory *os.File, name, path string, stat unix.Stat_t) error {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR, unix.S_IFREG:
		return w.opened(directory, name, path, stat.Mode&unix.S_IFMT)
	case unix.S_IFLNK:
		e, err := w.entry(path, stat, nil)
		if err != nil {
			return err
		}
		if e.Target, err = readLink(int(directory.Fd()), name); err != nil {
			return err
		}
		if err := e.check(); err != nil {
			return err
		}
		return w.visit(e, nil)
	case unix.S_IFSOCK, unix.S_IFIFO:
		if w.passed != nil {
			w.passed(path, "a socket or a pipe holds no data")
		}
		return nil
	}
	return &BadError{path, "is a device, which no backup can hold", "remove it from the volume"}
}

// opened visits a directory or a file. Nothing else that took its name meanwhile
// is opened: a pipe would wait for ever.
func (w *walker) opened(directory *os.File, name, path string, kind uint32) error {
	flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	if kind == unix.S_IFDIR {
		flags |= unix.O_DIRECTORY
	}
	fd, err := unix.Openat(int(directory.Fd()), name, flags, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return &ChangedError{Path: path}
	}
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	if kind == unix.S_IFDIR {
		return w.directory(file, path)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return &ChangedError{Path: path}
	}
	e, err := w.entry(path, stat, file)
	if err != nil {
		return err
	}
	if e.Type == Same {
		return w.visit(e, nil)
	}
	return w.visit(e, file)
}

// entry describes a name. A file that was seen under another one is a link to it.
func (w *walker) entry(path string, stat unix.Stat_t, file *os.File) (Entry, error) {
	e := Entry{Path: path, Mode: stat.Mode & 0o7777, UID: int(stat.Uid), GID: int(stat.Gid), Modified: stat.Mtim.Nano()}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Type = Directory
	case unix.S_IFLNK:
		e.Type, e.Mode = Link, 0o777
	default:
		e.Type, e.Size = File, stat.Size
	}
	if e.Type == File && stat.Nlink > 1 {
		key := [2]uint64{stat.Dev, stat.Ino}
		if first, seen := w.links[key]; seen {
			return Entry{Path: path, Type: Same, Target: first}, nil
		}
		w.links[key], e.Linked = path, true
	}
	if e.Type == Link {
		return e, nil // checked once its target is known
	}
	var err error
	if e.Attributes, err = attributes(file); err != nil {
		return e, fmt.Errorf("%q: %w", path, err)
	}
	return e, e.check()
}

func readLink(directory int, name string) (string, error) {
	buffer := make([]byte, longestPath+100)
	n, err := unix.Readlinkat(directory, name, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// kept tells which attributes are of the file and not of the host.
func kept(name string) bool {
	if strings.ContainsRune(name, '=') {
		return false // no tar can hold it
	}
	return strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "system.posix_acl_") || name == "security.capability"
}

// attributes reads the extended attributes of a file. Not every file system has
// any.
func attributes(file *os.File) (map[string]string, error) {
	buffer := make([]byte, 64<<10)
	n, err := unix.Flistxattr(int(file.Fd()), buffer)
	if errors.Is(err, unix.ENOTSUP) || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found map[string]string
	value := make([]byte, 64<<10)
	for name := range strings.SplitSeq(strings.TrimRight(string(buffer[:n]), "\x00"), "\x00") {
		if !kept(name) {
			continue
		}
		n, err := unix.Fgetxattr(int(file.Fd()), name, value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = map[string]string{}
		}
		found[name] = string(value[:n])
	}
	return found, nil
}
