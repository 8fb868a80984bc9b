package statics

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// stage makes what is to be published, whole and with its owner and mode,
// under another name.
func (p *publication) stage(m move, name string) error {
	var err error
	switch kindOf(m.info) {
	case directory:
		err = p.served.Mkdir(name, 0o700)
	case symlink:
		err = p.served.Symlink(m.link, name)
	default:
		err = p.copy(m, name)
	}
	if err != nil {
		return err
	}
	return own(p.served, name, m.info)
}

// copy writes the content of a file.
func (p *publication) copy(m move, name string) error {
	from, err := p.fresh.Open(m.path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := p.served.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// settable are the parts of a mode that can be set.
const settable = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// own gives something the owner, the group, the mode and the time of something
// else. A file system that knows no owners keeps its own.
func own(root *os.Root, name string, like fs.FileInfo) error {
	if stat, ok := like.Sys().(*syscall.Stat_t); ok {
		err := root.Lchown(name, int(stat.Uid), int(stat.Gid))
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	if kindOf(like) == symlink {
		return nil
	}
	// After the owner, whose change takes bits of the mode away.
	if err := root.Chmod(name, like.Mode()&settable); err != nil {
		return err
	}
	if like.IsDir() {
		return nil
	}
	return root.Chtimes(name, like.ModTime(), like.ModTime())
}
