package cli

import (
	"context"
	"errors"
	"slices"

	"gapless/internal/migrate"
	"gapless/internal/project"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// judgeDue judges the migrations that the next update would run. It touches
// nothing of the application.
func (a *app) judgeDue(ctx context.Context, flags migrationsFlags) error {
	s, err := a.open(ctx)
	if errors.Is(err, project.ErrNoComposeFile) {
		return &exitStatus{code: exitError, err: err, hint: "gapless migrations --sql FILE... needs none"}
	}
	if err != nil {
		return err
	}
	defer s.close()
	s.noTrace = flags.noTrace
	if err := s.look(ctx); err != nil {
		return err
	}
	state, err := s.observe(ctx)
	if err != nil {
		return err
	}
	changes := s.detect(ctx, state)
	s.addCapacity(ctx, &state, changes)
	reports, err := s.judge(ctx, &state, changes, update.Options{})
	if err != nil {
		return err
	}
	if flags.asJSON {
		err = ui.JudgementsJSON(a.out, reports)
	} else {
		err = ui.Judgements(a.out, reports, a.flags.color)
	}
	unsafe := slices.ContainsFunc(reports, func(r migrate.Report) bool { return !r.Safe() })
	if err == nil && (unsafe || len(reports) < len(s.toJudge(state, changes, nil))) {
		return said(exitRefused)
	}
	return err
}

// clearTrials removes what a trial left whose process was killed. While another
// process runs one, that is its business.
func (s *session) clearTrials(ctx context.Context) {
	brief, cancel := context.WithTimeout(ctx, trialLockWait)
	defer cancel()
	release, err := s.store.LockTrials(brief)
	if err != nil {
		return
	}
	defer release()
	if err := s.bench.ClearTrials(ctx); err != nil {
		s.warn("something of an earlier trial is left: %v", err)
	}
}
