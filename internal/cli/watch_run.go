package cli

import (
	"context"
	"errors"

	"gapless/internal/journal"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// followRun shows a run until it ends.
func (s *session) followRun(ctx context.Context, past *replay, screen *ui.Renderer) error {
	for idle := 0; ; {
		working := s.working() // before the journal: what ends in between is seen next time
		records, err := s.readSteady(ctx, func() ([]journal.Record, error) { return s.store.RunRecords(past.run) })
		if err != nil {
			return err
		}
		events := past.next(records)
		emitAll(screen, events)
		if idle++; working || len(events) > 0 {
			idle = 0
		}
		switch {
		case past.result != "" && (idle > 0 || s.hasReceipt(past)):
			return s.endOfRun(past, screen)
		case idle > 1:
			screen.Close()
			return cutOff(past)
		}
		if err := (wallClock{}).Sleep(ctx, watchPoll); err != nil {
			return err
		}
	}
}

// working tells whether a process works on the project. The lock is looked at
// only where nobody says so: the one who has it may be in another container,
// where its number means nothing here.
func (s *session) working() bool {
	if s.store.Owner() != nil {
		return true
	}
	status, err := s.store.LockStatus()
	return err != nil || status.Held
}

// hasReceipt tells that a run has said its last word. A held one may be
// carried on and its receipt be an old one: there the process has to be gone.
func (s *session) hasReceipt(past *replay) bool {
	_, err := s.store.Receipt(past.run)
	return err == nil && past.result != update.ResultHeld
}

// endOfRun shows the result of a run.
func (s *session) endOfRun(past *replay, screen *ui.Renderer) error {
	if past.result == update.ResultHeld {
		screen.Emit(update.Event{Kind: update.EventRunEnded, Run: past.run, Time: past.ended, Result: past.result})
	}
	receipt, err := s.store.Receipt(past.run)
	if err != nil || receipt.Result != past.result {
		receipt = past.receipt() // its process was killed, or is about to write it
	}
	outcome := ui.Outcome{Run: past.run, Receipt: receipt}
	if past.why != "" {
		outcome.Failure = &ui.Failure{Err: errors.New(past.why), Step: past.failed, Line: past.line(past.failed), Undone: past.undone, Next: watchedNext(past.result)}
	}
	screen.Finish(outcome)
	if err := screen.Close(); err != nil {
		return err
	}
	return watchedExit(past.result)
}

// watchedNext are the commands after a run that did not go well.
func watchedNext(result update.Result) []string {
	if result == update.ResultHeld {
		return []string{"gapless status   says what serves", "gapless resume   once the cause is removed"}
	}
	return []string{"gapless status   says what serves", "gapless logs"}
}

// sayCutOff refuses to call under way what nobody works on.
func (s *session) sayCutOff(past *replay, screen *ui.Renderer) error {
	if past.result == update.ResultHeld || s.working() {
		return nil
	}
	records, err := s.store.RunRecords(past.run)
	if err != nil || !isOpen(records) {
		return nil // it has ended just now
	}
	screen.Close()
	return cutOff(past)
}
