package statics

import (
	"errors"
	"io/fs"
	"os"
)

// Prepare gives a fresh directory the directories of the served one, with their
// owners and modes and without their files: whoever may write there may write
// here.
func Prepare(fresh, served string) error {
	to, err := os.OpenRoot(fresh)
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := os.OpenRoot(served)
	if err != nil {
		return err
	}
	defer from.Close()
	root, err := from.Lstat(".")
	if err != nil {
		return err
	}
	if err := own(to, ".", root); err != nil {
		return err
	}
	return walk(from, func(path string, info fs.FileInfo) error {
		if !info.IsDir() {
			return nil
		}
		if err := to.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return own(to, path, info)
	})
}
