package cli

import (
	"context"

	"gapless/internal/engine"
	"gapless/internal/update"
)

// ready opens everything that a command needs to begin something new, and
// takes the lock.
func (s *session) ready(ctx context.Context, command string) error {
	if err := s.claim(command); err != nil {
		return err
	}
	s.settleEnded(ctx)
	if _, err := s.unfinished(); err != nil {
		return err // nothing begins on a journal that cannot be read
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	if err := s.engine.RemoveTombstones(ctx); err != nil {
		return err // they hold names that a plan may need
	}
	if err := s.sweepBackups(ctx); err != nil {
		return err
	}
	s.clearTrials(ctx)
	return s.store.Room()
}

// look opens what a command needs that changes nothing. It takes no lock.
func (s *session) look(ctx context.Context) error {
	if err := s.openStore(); err != nil {
		return err
	}
	return s.connect(ctx)
}

// claim opens the state of the project and takes its lock.
func (s *session) claim(command string) error {
	if err := engine.CheckLocal(s.app.engineOptions()); err != nil {
		return refuse(err, "")
	}
	if err := s.openStore(); err != nil {
		return err
	}
	return s.take(command)
}

// reach connects to an engine that can be worked with.
func (s *session) reach(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.engine.RequireUpdatable(ctx); err != nil {
		return refuse(err, "")
	}
	return nil
}

// unfinished is the run that has no end yet. A journal that says something
// unclear is for a person to judge.
func (s *session) unfinished() ([]update.Entry, error) {
	entries, err := s.store.Unfinished()
	if err != nil {
		return nil, &exitStatus{code: exitHeld, err: err, hint: "gapless status says what serves"}
	}
	return entries, nil
}
