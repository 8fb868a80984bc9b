package statics

import (
	"errors"
	"io/fs"
)

// Prepare gives a fresh directory the directories of the served one, with their
// owners and modes and without their files: whoever may write there may write
// here. It is an error if nothing could be published there later.
func Prepare(fresh, served string) error {
	p, err := open(fresh, served)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.try(); err != nil {
		return err
	}
	root, err := p.served.Lstat(".")
	if err != nil {
		return err
	}
	if err := own(p.fresh, ".", root); err != nil {
		return err
	}
	return walk(p.served, func(path string, info fs.FileInfo) error {
		if !info.IsDir() {
			return nil
		}
		if err := p.fresh.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return own(p.fresh, path, info)
	})
}

// try does to the served directory what a publication begins and ends with.
func (p *publication) try() error {
	if err := p.lock(); err != nil {
		return err
	}
	if err := p.served.RemoveAll(stagingName); err != nil {
		return err
	}
	if err := p.served.Mkdir(stagingName, 0o700); err != nil {
		return err
	}
	if err := p.sync(); err != nil {
		return err
	}
	return p.served.Remove(stagingName)
}
