package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gapless/internal/journal"
	"gapless/internal/update"
)

// endWatchPoll is how often it is looked whether the other process has ended.
const endWatchPoll = 50 * time.Millisecond

// endWatch lets the process that watches an update before its commit undo it:
// the old version runs still, and gets the requests at once. It returns locked
// where there is no such process. A release that was committed in the last
// moment is left to the caller, with the lock taken.
func (s *session) endWatch(ctx context.Context, locked error) (done bool, err error) {
	var holder *journal.LockedError
	if !errors.As(locked, &holder) || holder.Owner == nil {
		return true, locked
	}
	history, err := s.watched()
	if err != nil {
		return true, errors.Join(locked, err)
	}
	if history == nil {
		return true, locked
	}
	if err := s.app.confirm(fmt.Sprintf("Release %d is being watched and not committed yet. Take it back?", history.Plan.To)); err != nil {
		return true, err
	}
	fmt.Fprintf(s.app.err, "release %d is taken back by the process that watches it: %s\n", history.Plan.To, holder.Owner)
	if err := holder.Owner.Interrupt(); err != nil {
		return true, &exitStatus{code: exitLocked, err: err, hint: "press Ctrl-C there"}
	}
	if err := s.outwait(ctx); err != nil {
		return true, err
	}
	return s.afterWatch(ctx, history)
}

// endLeftWatch takes a run back whose process died, or gave up, while it watched:
// that is the newest version there is, and nothing before it is meant.
func (s *session) endLeftWatch(ctx context.Context) (done bool, err error) {
	history, err := s.watched()
	if err != nil || history == nil {
		return false, nil // whoever ends it says what is wrong with it
	}
	if err := s.app.confirm(fmt.Sprintf("Release %d was being watched and is not committed yet. Take it back?", history.Plan.To)); err != nil {
		return true, err
	}
	entries, err := s.unfinished()
	if err != nil {
		return true, err
	}
	err = s.resume(ctx, entries, true, true)
	var status *exitStatus
	if errors.As(err, &status) && status.code == exitRolledBack {
		err = nil // that is what was asked for
	}
	return true, errors.Join(err, s.settleSource(ctx))
}

// watched is the run, of whatever process, that is in its watch; nil if there is
// none.
func (s *session) watched() (*update.History, error) {
	entries, err := s.store.Unfinished()
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	history, err := update.ReadHistory(entries)
	if err != nil || history.Plan.PhaseOf(history.Reached) != update.PhaseWatch || history.Decision != "" || history.Failed != "" {
		return nil, nil // it ended just now, or is of another version
	}
	return &history, nil
}

// outwait waits until nobody holds the lock.
func (s *session) outwait(ctx context.Context) error {
	for {
		status, err := s.store.LockStatus()
		if err != nil || !status.Held {
			return err
		}
		if err := (wallClock{}).Sleep(ctx, endWatchPoll); err != nil {
			return &exitStatus{code: exitInterrupted, err: errors.New("not waited for any longer"), hint: "gapless status says how it ends"}
		}
	}
}

// afterWatch says how the other process ended.
func (s *session) afterWatch(ctx context.Context, history *update.History) (done bool, err error) {
	receipt, err := s.store.Receipt(history.Run)
	switch {
	case err != nil:
		return true, &exitStatus{code: exitHeld, err: fmt.Errorf("the update was cut off: %w", err), hint: "gapless resume brings it to an end"}
	case receipt.Result == update.ResultCommitted:
		return false, errors.Join(s.store.Close(), s.ready(ctx, "rollback"))
	case receipt.Result != update.ResultRolledBack:
		return true, &exitStatus{code: exitUndoFailed, err: fmt.Errorf("release %d was not wholly taken back", history.Plan.To), hint: "gapless status says what serves, gapless resume goes on"}
	}
	_, err = fmt.Fprintf(s.app.out, "%s: release %d is back\n", s.project.Name, history.Plan.From)
	return true, err
}
