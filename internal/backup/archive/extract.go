package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// extraction brings an archive into a directory that is there and empty. It goes
// through no link: each directory is held open while it is filled.
type extraction struct {
	reader *Reader
	open   []openDirectory
}

type openDirectory struct {
	entry Entry
	file  *os.File
}

// Extract brings an archive into a directory that is there and empty.
func Extract(from io.Reader, root string) error {
	names, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	if len(names) > 0 && !(len(names) == 1 && names[0].Name() == "lost+found") {
		return fmt.Errorf("%s is not empty", root)
	}
	x := &extraction{reader: NewReader(from)}
	defer x.close()
	var last Entry
	for {
		e, voided, err := x.reader.Next()
		switch {
		case err == io.EOF:
			return x.leave(0)
		case err != nil:
			return err
		case voided:
			if err := unix.Unlinkat(x.top(), path.Base(last.Path), 0); err != nil {
				return err
			}
			continue
		}
		if err := x.bring(root, e); err != nil {
			return fmt.Errorf("%.200q: %w", e.Path, err)
		}
		last = e
	}
}

func (x *extraction) top() int { return int(x.open[len(x.open)-1].file.Fd()) }

// leave ends directories until so many are open. What is in one changes its
// times, so that they are set last.
func (x *extraction) leave(left int) error {
	for len(x.open) > left {
		last := x.open[len(x.open)-1]
		x.open = x.open[:len(x.open)-1]
		if err := errors.Join(finish(last.file, last.entry), last.file.Close()); err != nil {
			return fmt.Errorf("%.200q: %w", last.entry.Path, err)
		}
	}
	return nil
}

func (x *extraction) close() {
	for _, one := range x.open {
		_ = one.file.Close()
	}
}

func (x *extraction) bring(root string, e Entry) error {
	if e.Path == "." {
		file, err := openDirectoryAt(unix.AT_FDCWD, root)
		if err == nil {
			x.open = append(x.open, openDirectory{e, file})
		}
		return err
	}
	for x.open[len(x.open)-1].entry.Path != path.Dir(e.Path) {
		if err := x.leave(len(x.open) - 1); err != nil {
			return err
		}
	}
	name := path.Base(e.Path)
	switch e.Type {
	case Directory:
		if err := unix.Mkdirat(x.top(), name, 0o700); err != nil {
			return err
		}
		file, err := openDirectoryAt(x.top(), name)
		if err == nil {
			x.open = append(x.open, openDirectory{e, file})
		}
		return err
	case Link:
		return x.link(e, name)
	case Same:
		return x.same(e, name)
	}
	return x.file(e, name)
}

func openDirectoryAt(directory int, name string) (*os.File, error) {
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	if directory != unix.AT_FDCWD {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat(directory, name, flags, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (x *extraction) file(e Entry, name string) error {
	fd, err := unix.Openat(x.top(), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(file, x.reader)
	if err == nil {
		err = finish(file, e)
	}
	return errors.Join(err, file.Close())
}

// finish gives a file or a directory what it had: the owner first, because a new
// owner takes bits of the mode away.
func finish(file *os.File, e Entry) error {
	fd := int(file.Fd())
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if int(stat.Uid) != e.UID || int(stat.Gid) != e.GID {
		if err := unix.Fchown(fd, e.UID, e.GID); err != nil {
			return fmt.Errorf("give it its owner: %w", err)
		}
	}
	if err := unix.Fchmod(fd, e.Mode); err != nil {
		return err
	}
	for name, value := range e.Attributes {
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), []unix.Timespec{unix.NsecToTimespec(e.Modified), unix.NsecToTimespec(e.Modified)}, 0)
}

// link makes a symbolic link with an owner and a time of its own.
func (x *extraction) link(e Entry, name string) error {
	if err := unix.Symlinkat(e.Target, x.top(), name); err != nil {
		return err
	}
	if err := unix.Fchownat(x.top(), name, e.UID, e.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("give it its owner: %w", err)
	}
	return unix.UtimesNanoAt(x.top(), name, []unix.Timespec{unix.NsecToTimespec(e.Modified), unix.NsecToTimespec(e.Modified)}, unix.AT_SYMLINK_NOFOLLOW)
}

// same gives a file another name. The way to it leads through directories alone.
func (x *extraction) same(e Entry, name string) error {
	at := int(x.open[0].file.Fd())
	parts := strings.Split(e.Target, "/")
	for _, part := range parts[:len(parts)-1] {
		directory, err := openDirectoryAt(at, part)
		if err != nil {
			return err
		}
		defer directory.Close()
		at = int(directory.Fd())
	}
	return unix.Linkat(at, parts[len(parts)-1], x.top(), name, 0)
}
