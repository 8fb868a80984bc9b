package journal

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is the right to change a project. The kernel frees it when this
// process ends, however it ends, so that no lock is ever stale.
type Lock struct {
	store *Store
	file  *os.File
	owner Owner
	mu    sync.Mutex
	log   *Log
}

// LockedError says that another process updates the project.
type LockedError struct {
	Project string // directory of the project
	Owner   *Owner // nil if it has not said who it is yet
}

func (e *LockedError) Error() string {
	if e.Owner == nil {
		return "another gapless is at work on this project; try again when it is done"
	}
	return "another gapless is at work on this project: " + e.Owner.String() + "; wait for it, or end it there with Ctrl-C"
}

// LockStatus tells who holds the lock.
type LockStatus struct {
	Held  bool   `json:"held"`
	Owner *Owner `json:"owner,omitempty"` // nil if it has not said who it is
}

// lockTries and lockPause let a look at the lock, which holds it for some
// microseconds, pass without a refusal.
const (
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

// Lock takes the lock at once or returns a *LockedError.
func (s *Store) Lock(owner Owner) (*Lock, error) {
	f, err := s.openLock()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || try == lockTries {
			break
		}
		time.Sleep(lockPause)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(&LockedError{Project: s.path, Owner: s.readOwner()}, f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", s.path, err), f.Close())
	}
	lock := &Lock{store: s, file: f, owner: owner}
	if err := s.writeOwner(owner); err != nil && !isFull(err) {
		return nil, errors.Join(fmt.Errorf("say who holds the lock: %w", err), f.Close())
	}
	return lock, nil
}

// openLock opens the lock file, which is never removed: a second file of
// that name would be a second lock.
func (s *Store) openLock() (*os.File, error) {
	f, err := s.root.OpenFile(lockName, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explain(s.path+"/"+lockName, err)
	}
	if err := (diskFiles{s.root}).regular(lockName); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Journal opens the journal for appending; the same one each time.
func (l *Lock) Journal() (*Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log != nil {
		return l.log, nil
	}
	log, err := openLog(l.store.disk, l.store.path, l.owner.Tool)
	if err != nil {
		return nil, err
	}
	l.log = log
	return log, nil
}

// SetRun says in the owner's facts which run is under way.
func (l *Lock) SetRun(run string) error {
	l.owner.Run = run
	return l.store.writeOwner(l.owner)
}

// SetAside moves a journal that cannot be read out of the way, once a human
// has looked, and returns where it is kept.
func (l *Lock) SetAside() (string, error) {
	name, err := setAside(l.store.disk, time.Now())
	if name == "" {
		return "", err
	}
	return l.store.path + "/" + name, err
}

// Unlock frees the lock.
func (l *Lock) Unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.log != nil {
		err = l.log.close()
	}
	return errors.Join(err, ignoreMissing(l.store.disk.remove(ownerName)), l.file.Close())
}

// LockStatus looks at the lock without keeping it.
func (s *Store) LockStatus() (LockStatus, error) {
	f, err := s.openLock()
	if err != nil {
		return LockStatus{}, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		return LockStatus{}, nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return LockStatus{}, fmt.Errorf("look at the lock of %s: %w", s.path, err)
	}
	return LockStatus{Held: true, Owner: s.readOwner()}, nil
}
