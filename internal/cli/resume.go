package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gapless/internal/journal"
	"gapless/internal/update"
)

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "End an update that was cut off: forward after its commit, back before it; one that watched its new version goes on watching",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.endRun(c.Context(), "resume", false) },
	}
}

func (a *app) abortCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "abort",
		Short: "Undo an update that was cut off or is held, if it has not been committed",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.endRun(c.Context(), "abort", true) },
	}
}

// endRun ends the unfinished run of the project, if there is one.
func (a *app) endRun(ctx context.Context, command string, abort bool) error {
	s, err := a.openAnyway(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.claim(command); err != nil {
		return s.abortBeside(ctx, err, abort)
	}
	s.settleEnded(ctx)
	entries, err := s.store.Unfinished()
	var corrupt *journal.CorruptError
	if errors.As(err, &corrupt) && abort {
		return s.setAside(corrupt)
	}
	if err != nil {
		return &exitStatus{code: exitHeld, err: err, hint: "gapless status says what serves; gapless abort puts the journal aside once you have looked"}
	}
	if len(entries) == 0 {
		if err := s.settleSource(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.out, "%s: no update is unfinished\n", s.project.Name)
		return err
	}
	if history, err := update.ReadHistory(entries); err == nil && abort && history.Decision == update.DecideCommit {
		return refuse(errors.New("this update was committed: it cannot be undone any more, only finished"), "gapless resume, then gapless rollback")
	}
	// No room is asked for: an update that ran out of it must come to an end.
	if err := s.reach(ctx); err != nil {
		return err
	}
	if err := s.sweepBackups(ctx); err != nil {
		return err
	}
	s.clearTrials(ctx)
	err = s.resume(ctx, entries, true, abort)
	return errors.Join(err, s.settleSource(ctx))
}

// abortBeside lets a process that watches take its update back, if that is what is
// wanted.
func (s *session) abortBeside(ctx context.Context, locked error, abort bool) error {
	if !abort {
		return locked
	}
	if done, err := s.endWatch(ctx, locked); done || err != nil {
		return err
	}
	return refuse(errors.New("the update was committed in the last moment"), "gapless rollback")
}

// setAside gives up a journal that cannot be read, when a person says so.
func (s *session) setAside(corrupt *journal.CorruptError) error {
	fmt.Fprintln(s.app.err, corrupt.Error())
	if err := s.app.confirm("Put this journal aside? What runs now stays as it is."); err != nil {
		return err
	}
	kept, err := s.lock.SetAside()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.app.out, "the journal is kept in %s; gapless status shows what runs\n", kept)
	return err
}

// resume ends a run. Everything that it needs is in the journal and in the
// pending release: the compose file may have changed since. What could go on to
// watch is taken back if it is to abort.
func (s *session) resume(ctx context.Context, entries []update.Entry, insist, abort bool) error {
	history, err := update.ReadHistory(entries)
	if err != nil {
		return &exitStatus{code: exitHeld, err: err, hint: "use the version of gapless that began the update"}
	}
	if err := s.useRecorded(ctx, history.Run); err != nil {
		return err
	}
	state, err := s.observeRun(ctx)
	if err != nil {
		return err
	}
	screen, err := s.newScreen(ctx, history.Plan)
	if err != nil {
		return err
	}
	runner, err := s.newRunner(ctx, history.Plan, history.Run, screen, s.startMeter(ctx, state))
	if err != nil {
		return err
	}
	runner.run.Abort = abort
	var outcome update.Outcome
	err = interruptible(ctx, runner.run, func(ctx context.Context) (err error) {
		outcome, err = runner.run.Resume(ctx, history, insist)
		return err
	})
	return runner.conclude(ctx, outcome, err)
}
