// Package statics brings static files into a directory that is served from
// meanwhile: nobody who reads there misses a file or sees half of one.
package statics

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// stagingName is the directory in which files are made whole before they get
// their names. It lies in the served directory, because a rename does not leave
// a file system, and only root can look into it.
const stagingName = ".gapless-staging"

// Published counts what came of the files and links that were to be published.
type Published struct {
	New     int
	Changed int
	Same    int // were there already, and were left alone
}

// Publish makes everything in the fresh directory appear in the served one.
// What is there already is left alone, nothing is ever deleted, and each file
// appears or changes in one act: the new names first, so that a page which
// names new files comes after them. It may be killed at any moment and run
// again. What cannot be published is an error before anything appeared.
func Publish(fresh, served string) (Published, error) {
	p, err := open(fresh, served)
	if err != nil {
		return Published{}, err
	}
	defer p.close()
	return p.publish()
}

// publication is one way from a fresh directory to a served one.
type publication struct {
	fresh, served *os.Root
	directory     *os.File // the served one, for what only a descriptor can do
	reached       func(place string)
}

func open(fresh, served string) (*publication, error) {
	p := &publication{reached: func(string) {}}
	var err error
	if p.fresh, err = os.OpenRoot(fresh); err != nil {
		return nil, err
	}
	if p.served, err = os.OpenRoot(served); err != nil {
		p.fresh.Close()
		return nil, err
	}
	if p.directory, err = p.served.Open("."); err != nil {
		p.fresh.Close()
		p.served.Close()
		return nil, err
	}
	return p, nil
}

func (p *publication) close() {
	p.directory.Close()
	p.served.Close()
	p.fresh.Close()
}

func (p *publication) publish() (Published, error) {
	if err := p.lock(); err != nil {
		return Published{}, err
	}
	// An attempt that was cut off has left its own.
	if err := p.served.RemoveAll(stagingName); err != nil {
		return Published{}, err
	}
	found, err := p.survey()
	if err != nil {
		return Published{}, err
	}
	if err := p.bringIn(found.moves); err != nil {
		return Published{}, errors.Join(err, p.served.RemoveAll(stagingName))
	}
	return found.counts, p.served.RemoveAll(stagingName)
}

// lock keeps a second publication out of the directory. It ends with its
// holder. A file system that has no locks is used without.
func (p *publication) lock() error {
	for {
		err := unix.Flock(int(p.directory.Fd()), unix.LOCK_EX)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case slices.ContainsFunc([]error{unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOLCK, unix.EBADF, unix.EINVAL}, func(none error) bool { return errors.Is(err, none) }):
			return nil
		default:
			return fmt.Errorf("lock %s: %w", p.served.Name(), err)
		}
	}
}

// bringIn makes everything whole aside, then gives it its names.
func (p *publication) bringIn(moves []move) error {
	if len(moves) == 0 {
		return nil
	}
	if err := p.served.Mkdir(stagingName, 0o700); err != nil {
		return err
	}
	staged := map[string]string{}
	for i, m := range moves {
		p.reached("stage " + m.path)
		staged[m.path] = path.Join(stagingName, strconv.Itoa(i))
		if err := p.stage(m, staged[m.path]); err != nil {
			return fmt.Errorf("make %s ready: %w", m.path, err)
		}
	}
	// Stable: a directory comes before what is in it.
	slices.SortStableFunc(moves, func(a, b move) int { return cmp.Compare(a.order(), b.order()) })
	order := -1
	for _, m := range moves {
		if m.order() != order {
			// Also a loss of power must not keep a name and lose what comes before.
			if err := p.sync(); err != nil {
				return err
			}
			order = m.order()
		}
		p.reached("move " + m.path)
		if err := p.move(m, staged[m.path]); err != nil {
			return err
		}
	}
	return p.sync()
}

// move gives what is ready its name. A directory that somebody else has made
// meanwhile serves as well.
func (p *publication) move(m move, staged string) error {
	err := p.served.Rename(staged, m.path)
	if err != nil && m.info.IsDir() {
		if there, lookErr := p.served.Lstat(m.path); lookErr == nil && there.IsDir() {
			return nil
		}
	}
	return err
}

// sync brings the served file system to the disk.
func (p *publication) sync() error {
	if err := unix.Syncfs(int(p.directory.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", p.served.Name(), err)
	}
	return nil
}
