package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gapless/internal/backup/archive"
	"gapless/internal/update"
)

// stopUsers stops everybody who uses the files, after it was noted who that is.
func (m *Maker) stopUsers(ctx context.Context, mark *filesMark, say func(string)) error {
	users, err := m.usersOf(ctx, mark.Place)
	if err != nil {
		return err
	}
	var running []User
	for _, user := range users {
		if !user.Running {
			continue
		}
		running = append(running, user)
		if !slices.ContainsFunc(mark.Stopped, func(one User) bool { return one.Name == user.Name }) {
			mark.Stopped = append(mark.Stopped, user)
		}
	}
	if len(running) == 0 {
		return nil
	}
	if err := m.saveMark(mark); err != nil {
		return err
	}
	for _, user := range running {
		say("stop " + user.Name)
		if err := m.Keeper.Stop(ctx, user); err != nil {
			return fmt.Errorf("stop %s: %w", user.Name, err)
		}
	}
	return nil
}

// startUsers starts again whom the restore has stopped.
func (m *Maker) startUsers(ctx context.Context, mark *filesMark) error {
	var failures []error
	for _, user := range mark.Stopped {
		err := m.Keeper.Start(ctx, user)
		if errors.Is(err, update.ErrNoContainer) {
			m.tell(user.Name + " was removed meanwhile and is not started: docker compose up -d " + user.Service)
			continue
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func (m *Maker) tell(text string) {
	if m.Notice != nil {
		m.Notice(text)
	}
}

// giveUp takes back a restore that has exchanged nothing.
func (m *Maker) giveUp(ctx context.Context, mark *filesMark) error {
	if err := m.startUsers(ctx, mark); err != nil {
		return &StoppedError{Stopped: servicesOf(mark.Stopped), Err: err}
	}
	if err := m.run(ctx, stepSwap, mark.Place, "discard", mark.ID); err != nil {
		return fmt.Errorf("remove what a restore has left: %w", err)
	}
	return m.dropMark()
}

// StoppedError says that a restore was taken back, and that who was stopped for it
// does not run yet.
type StoppedError struct {
	Stopped []string // services
	Err     error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("the files are as they were, but %s could not be started again: %v", strings.Join(e.Stopped, ", "), e.Err)
}

// Unwrap gives the cause.
func (e *StoppedError) Unwrap() error { return e.Err }

// Hint tells what to do about it.
func (e *StoppedError) Hint() string {
	return "remove the cause; the next gapless command tries again, or docker compose up -d " + strings.Join(e.Stopped, " ")
}

func servicesOf(users []User) (names []string) {
	for _, user := range users {
		names = append(names, user.Service)
	}
	return names
}

// exchangeAttempts is how often files are exchanged that somebody begins to use
// meanwhile.
const exchangeAttempts = 3

// finishFiles ends a restore that has begun to exchange: it may be run again until
// it succeeds. Nothing keeps a person from starting a container meanwhile, so that
// everybody is looked at again afterwards.
func (m *Maker) finishFiles(ctx context.Context, mark *filesMark, say func(string)) error {
	for attempt := 1; ; attempt++ {
		if err := m.stopUsers(ctx, mark, say); err != nil {
			return m.pending(mark, err)
		}
		before, err := m.Keeper.Users(ctx, mark.Place)
		if err == nil {
			err = m.run(ctx, stepSwap, mark.Place, "exchange", append([]string{mark.ID}, mark.Names...)...)
		}
		if err != nil {
			return m.pending(mark, err)
		}
		after, err := m.Keeper.Users(ctx, mark.Place)
		if err != nil {
			return m.pending(mark, err)
		}
		name := startedSince(before, after)
		if name == "" {
			break
		}
		if attempt == exchangeAttempts {
			return m.pending(mark, fmt.Errorf("%s is started again and again while its files are exchanged", name))
		}
		m.tell(name + " was started by somebody while its files were exchanged: it is stopped and started again, and what it wrote meanwhile may be among the restored files")
	}
	if err := m.startUsers(ctx, mark); err != nil {
		return m.pending(mark, err)
	}
	return m.dropMark()
}

// startedSince names a container that ran since a first look.
func startedSince(before, after []User) string {
	for _, user := range after {
		was := slices.IndexFunc(before, func(one User) bool { return one.Name == user.Name })
		if user.Running || was >= 0 && !before[was].Started.Equal(user.Started) || was < 0 && !user.Started.IsZero() {
			return user.Name
		}
	}
	return ""
}

func (m *Maker) pending(mark *filesMark, err error) error {
	return &PendingError{Name: mark.Name, Stopped: servicesOf(mark.Stopped), Err: err}
}

// PendingError says that an exchange has begun and has not ended. Nothing may
// start before it has.
type PendingError struct {
	Name    string
	Stopped []string // services
	Err     error
}

func (e *PendingError) Error() string {
	text := fmt.Sprintf("the restore of %s has begun to exchange the files and could not end: %v", e.Name, e.Err)
	if len(e.Stopped) > 0 {
		text += "; " + strings.Join(e.Stopped, ", ") + " must not run until it has"
	}
	return text
}

// Unwrap gives the cause.
func (e *PendingError) Unwrap() error { return e.Err }

// Hint tells what to do about it.
func (e *PendingError) Hint() string {
	return "remove the cause; the next gapless command ends the exchange, for example gapless backup prune --dry-run"
}

// sweepFiles ends what a restore of the kind has left.
func (m *Maker) sweepFiles(ctx context.Context) error {
	content, err := os.ReadFile(m.markPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mark := &filesMark{}
	if err := json.Unmarshal(content, mark); err != nil || archive.CheckID(mark.ID) != nil || mark.Place.Volume+mark.Place.Source == "" {
		return &PendingError{Name: m.kind().Kind(), Err: fmt.Errorf("%s cannot be read: nothing is exchanged or removed by guessing", m.markPath())}
	}
	if !mark.Decided {
		return m.giveUp(ctx, mark)
	}
	m.tell("the restore of " + mark.Name + " was cut off while files were exchanged, and is brought to its end")
	return m.finishFiles(ctx, mark, func(string) {})
}
