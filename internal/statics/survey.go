package statics

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// move is one thing to publish.
type move struct {
	path     string
	info     fs.FileInfo // in the fresh directory
	link     string      // what a symbolic link points to
	replaces bool        // the name is taken by another version
}

// order says when it gets its name: a version that replaces another comes
// after all new names.
func (m move) order() int {
	if m.replaces {
		return 1
	}
	return 0
}

// survey is what differs between two directories.
type survey struct {
	moves  []move // directories before what is in them
	counts Published
}

// mostProblems bounds how many of the things that are in the way are said.
const mostProblems = 5

// survey compares the two directories and touches nothing.
func (p *publication) survey() (survey, error) {
	var found survey
	var problems []error
	err := walk(p.fresh, func(path string, info fs.FileInfo) error {
		m, problem, err := p.compare(path, info)
		switch {
		case err != nil:
			return err
		case problem != nil:
			if problems = append(problems, problem); len(problems) == mostProblems {
				return fs.SkipAll
			}
			if info.IsDir() {
				return fs.SkipDir
			}
		case m != nil:
			found.moves = append(found.moves, *m)
		}
		if problem == nil && !info.IsDir() {
			found.counts.count(m)
		}
		return nil
	})
	return found, errors.Join(append(problems, err)...)
}

func (c *Published) count(m *move) {
	switch {
	case m == nil:
		c.Same++
	case m.replaces:
		c.Changed++
	default:
		c.New++
	}
}

// walk visits everything below a directory but what is staged there and what
// goes away meanwhile.
func walk(root *os.Root, visit func(path string, info fs.FileInfo) error) error {
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		switch {
		case path == stagingName:
			return fs.SkipDir
		case path == ".":
			return err
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		info, err := root.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(path, info)
	})
}

// compare finds out what is to be done for one name; nil if nothing is. What
// cannot be done is a problem.
func (p *publication) compare(path string, info fs.FileInfo) (m *move, problem, err error) {
	if kind := kindOf(info); kind == special {
		return nil, fmt.Errorf("%s is neither a file nor a directory nor a symbolic link", path), nil
	}
	m = &move{path: path, info: info}
	if kindOf(info) == symlink {
		if m.link, err = p.fresh.Readlink(path); err != nil {
			return nil, nil, err
		}
	}
	there, err := p.served.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	have, want := kindOf(there), kindOf(info)
	if have == special || (have == directory) != (want == directory) {
		return nil, fmt.Errorf("%s is a %s and would replace a %s that is served", path, want, have), nil
	}
	same, err := p.same(m, there)
	if err != nil || same {
		return nil, nil, err
	}
	m.replaces = true
	return m, nil, nil
}

// same tells whether what is served needs no change. Owners and times do not
// matter to those who read.
func (p *publication) same(m *move, there fs.FileInfo) (bool, error) {
	switch {
	case kindOf(m.info) != kindOf(there):
		return false, nil
	case m.info.IsDir():
		return true, nil
	case kindOf(m.info) == symlink:
		link, err := p.served.Readlink(m.path)
		return link == m.link, err
	case m.info.Size() != there.Size() || m.info.Mode() != there.Mode():
		return false, nil
	}
	return sameContent(p.fresh, p.served, m.path)
}

func sameContent(a, b *os.Root, path string) (bool, error) {
	one, err := a.Open(path)
	if err != nil {
		return false, err
	}
	defer one.Close()
	other, err := b.Open(path)
	if err != nil {
		return false, err
	}
	defer other.Close()
	mine, theirs := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(one, mine)
		k, otherErr := io.ReadFull(other, theirs)
		if n != k || !bytes.Equal(mine[:n], theirs[:k]) {
			return false, nil
		}
		if ended(err) && ended(otherErr) {
			return true, nil
		}
		if err != nil || otherErr != nil {
			return false, errors.Join(err, otherErr)
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// kind is what has a name.
type kind string

const (
	file      kind = "file"
	directory kind = "directory"
	symlink   kind = "symbolic link"
	special   kind = "special file"
)

func kindOf(info fs.FileInfo) kind {
	switch info.Mode().Type() {
	case 0:
		return file
	case fs.ModeDir:
		return directory
	case fs.ModeSymlink:
		return symlink
	}
	return special
}
