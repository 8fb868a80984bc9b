package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// What is found out about migrations is kept beside the journal, by what it
// holds for. It can be found out again at any time.
const (
	verdictsName    = "verdicts"
	trialLockName   = "trial.lock"
	maxVerdictBytes = 16 << 20
	keptVerdicts    = 20
)

var verdictKey = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Verdict returns what was kept under a key.
func (s *Store) Verdict(key string) ([]byte, bool) {
	if !verdictKey.MatchString(key) {
		return nil, false
	}
	content, err := s.disk.read(verdictsName+"/"+key+".json", maxVerdictBytes)
	return content, err == nil
}

// SaveVerdict keeps something under a key. When there are many, all others go.
func (s *Store) SaveVerdict(key string, content []byte) error {
	if !verdictKey.MatchString(key) {
		return fmt.Errorf("%q cannot name a verdict", key)
	}
	if err := s.disk.mkdir(verdictsName); err != nil && !errors.Is(err, fs.ErrExist) {
		return explain(s.path, err)
	}
	names, err := s.disk.list(verdictsName)
	if err != nil {
		return fmt.Errorf("list verdicts: %w", err)
	}
	if len(names) >= keptVerdicts {
		for _, name := range names {
			if err := ignoreMissing(s.disk.remove(verdictsName + "/" + name)); err != nil {
				return fmt.Errorf("remove verdict: %w", err)
			}
		}
	}
	if err := ignoreMissing(s.disk.remove(verdictsName + "/" + key + ".json")); err != nil {
		return fmt.Errorf("replace verdict: %w", err)
	}
	if err := writeNew(s.disk, verdictsName, key+".json", content); err != nil {
		return fmt.Errorf("keep verdict: %w", full(err))
	}
	return nil
}

// LockTrials waits until no other process runs a trial of the project. Whoever
// holds this lock may remove what trials have left. The kernel frees it when
// this process ends.
func (s *Store) LockTrials(ctx context.Context) (release func(), err error) {
	f, err := s.root.OpenFile(trialLockName, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explain(s.path+"/"+trialLockName, err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", s.path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(lockPause):
		}
	}
}
