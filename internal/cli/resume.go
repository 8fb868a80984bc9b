package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gapless/internal/update"
)

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "End an update that was cut off: forward after its commit, back before it",
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
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.ready(ctx, command); err != nil {
		return err
	}
	entries, err := s.store.Unfinished()
	if err != nil {
		return &exitStatus{code: exitHeld, err: err, hint: "gapless status says what serves"}
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintf(a.out, "%s: no update is unfinished\n", s.project.Name)
		return err
	}
	if history, err := update.ReadHistory(entries); err == nil && abort && history.Decision == update.DecideCommit {
		return refuse(errors.New("this update was committed: it cannot be undone any more, only finished"), "gapless resume, then gapless rollback")
	}
	return s.resume(ctx, entries, true)
}

// resume ends a run. Everything that it needs is in the journal and in the
// pending release: the compose file may have changed since.
func (s *session) resume(ctx context.Context, entries []update.Entry, insist bool) error {
	history, err := update.ReadHistory(entries)
	if err != nil {
		return &exitStatus{code: exitHeld, err: err, hint: "use the version of gapless that began the update"}
	}
	if pending, err := s.store.Pending(history.Run); err == nil {
		p, err := renderedProject(ctx, pending, s.project.Directory)
		if err != nil {
			return &exitStatus{code: exitHeld, err: err}
		}
		s.use(p)
	}
	state, err := s.observe(ctx)
	if err != nil {
		return err
	}
	screen, err := s.newScreen(ctx, history.Plan)
	if err != nil {
		return err
	}
	runner, err := s.newRunner(history.Plan, history.Run, screen, s.startMeter(ctx, state))
	if err != nil {
		return err
	}
	var outcome update.Outcome
	err = interruptible(ctx, runner.run, func(ctx context.Context) (err error) {
		outcome, err = runner.run.Resume(ctx, history, insist)
		return err
	})
	return runner.conclude(ctx, outcome, err)
}
