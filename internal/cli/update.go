package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// updateFlags are the flags of update.
type updateFlags struct {
	shift      shiftFlags
	dryRun     bool
	planFile   string
	pullImages bool
	source     sourceFlags
}

func (a *app) updateCommand() *cobra.Command {
	var flags updateFlags
	c := &cobra.Command{
		Use:   "update [SERVICE...]",
		Short: "Bring the application to what its files and images say, while traffic flows",
		Long: `Update brings the running application to what its compose files and images say.

The first run adopts what runs already, or creates the project. If nothing
changed, nothing is touched. A stateful service (a database) is replaced only
when it is named.`,
		Example: `  gapless update                    plan, ask, run
  gapless update --yes api worker   only these services, without a question
  gapless update --pull             git pull first, by going forward only
  gapless update --ref v1.4         from that tag, branch or commit
  gapless update --pull-images      ask the registry for newer images first
  gapless update --dry-run          only show the plan`,
		RunE: func(c *cobra.Command, services []string) error { return a.update(c.Context(), services, flags) },
	}
	flags.shift.add(c)
	c.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show the plan and stop")
	c.Flags().StringVar(&flags.planFile, "plan", "", "run this plan, written by gapless plan -o, or refuse if the state has changed since")
	c.Flags().BoolVar(&flags.pullImages, "pull-images", false, "fetch newer images of services without build: first")
	c.Flags().BoolVar(&flags.source.pull, "pull", false, "fetch and go forward to the newest commit of the branch first; back if the update does not go through")
	c.Flags().StringVar(&flags.source.ref, "ref", "", "check out this tag, branch of the remote or commit first; back if the update does not go through")
	return c
}

func (a *app) update(ctx context.Context, services []string, flags updateFlags) error {
	if err := flags.shift.check(); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.noTrace = flags.shift.noTrace
	if err := flags.source.check(flags.dryRun); err != nil {
		return err
	}
	if !flags.source.moves() { // else other services may be there then
		if err := s.checkNames(services); err != nil {
			return err
		}
	}
	if flags.dryRun {
		return s.showPlan(ctx, services, planFlags{shift: flags.shift})
	}
	if err := s.ready(ctx, "update"); err != nil {
		return err
	}
	if err := s.recoverFirst(ctx); err != nil {
		return err
	}
	return s.fromSource(ctx, flags.source, func() error {
		if err := s.checkNames(services); err != nil {
			return err
		}
		return s.pulled(ctx, flags.pullImages, func(moved []update.Step) error {
			options := flags.shift.options(services)
			options.Moved = moved
			return s.planAndRun(ctx, options, flags.planFile)
		})
	})
}

// planAndRun plans the way to what is wanted now, and goes it.
func (s *session) planAndRun(ctx context.Context, options update.Options, planFile string) error {
	state, plan, err := s.plan(ctx, options)
	if err != nil {
		return err
	}
	if planFile != "" {
		if err := samePlan(planFile, plan); err != nil {
			return err
		}
	}
	if err := s.adoptUnrecorded(ctx, state, plan); err != nil {
		return err
	}
	return s.execute(ctx, state, plan)
}

// plan observes, compares and plans.
func (s *session) plan(ctx context.Context, options update.Options) (update.State, update.Plan, error) {
	state, err := s.observe(ctx)
	if err != nil {
		return state, update.Plan{}, err
	}
	changes := s.detect(ctx, state)
	fetched, err := s.fetchAhead(ctx, state, changes, options)
	if err != nil {
		return state, update.Plan{}, err
	}
	if fetched {
		if state, err = s.observe(ctx); err != nil {
			return state, update.Plan{}, err
		}
		changes = s.detect(ctx, state)
	}
	if err := s.inform(ctx, &state, changes, options); err != nil {
		return state, update.Plan{}, err
	}
	plan, err := update.Make(state, s.project, changes, options)
	if err != nil {
		return state, plan, planError(err)
	}
	return state, plan, s.preflight(ctx, state, plan)
}

// inform adds what only matters once something changed.
func (s *session) inform(ctx context.Context, state *update.State, changes []change.Change, options update.Options) error {
	if len(changes) == 0 {
		return nil
	}
	s.addCapacity(ctx, state, changes)
	if _, err := s.judge(ctx, state, changes, options); err != nil {
		return err
	}
	s.askPending(ctx, state, changes)
	var err error
	state.Backup, err = s.backupTarget(*state, options)
	s.measureBackup(ctx, state.Backup)
	return err
}

// planError tells what is refused from a plan that cannot be made.
func planError(err error) error {
	var strategy *update.StrategyError
	var refused *update.RefusedError
	if errors.As(err, &strategy) || errors.As(err, &refused) {
		return refuse(err, "")
	}
	return &exitStatus{code: exitError, err: err}
}

// execute shows the plan, asks and runs it.
func (s *session) execute(ctx context.Context, state update.State, plan update.Plan) error {
	if plan.Empty() {
		return s.showNothing(ctx, plan)
	}
	if s.asksAbout(plan) {
		fmt.Fprint(s.app.err, plan.Text()) // else the screen shows it
	}
	if s.inMaintenance(ctx) {
		fmt.Fprintln(s.app.err, "note: maintenance is on, and stays on: requests get the page until gapless maintenance off")
	}
	if err := s.confirmPlan(plan); err != nil {
		return err
	}
	runID := newRunID()
	release, err := s.pendingRelease(s.asItWillRun(ctx, plan, state), plan, state, runID)
	if err != nil {
		return err
	}
	if release.Revision = s.fromRevision; release.Revision == nil {
		release.Revision = s.revision(ctx)
	}
	if err := s.lock.SavePending(release); err != nil {
		return err
	}
	s.oweTelling(runID)
	screen, err := s.newScreen(ctx, &plan)
	if err != nil {
		return err
	}
	runner, err := s.newRunner(ctx, &plan, runID, screen, s.startMeter(ctx, state))
	if err != nil {
		return err
	}
	var outcome update.Outcome
	err = interruptible(ctx, runner.run, func(ctx context.Context) (err error) {
		outcome, err = runner.run.Execute(ctx)
		return err
	})
	return runner.conclude(ctx, outcome, err)
}

// showNothing says that nothing is to be done, in the form that was asked for.
func (s *session) showNothing(ctx context.Context, plan update.Plan) error {
	screen, err := s.newScreen(ctx, &plan)
	if err != nil {
		return err
	}
	if err := screen.Close(); err != nil {
		return err
	}
	if s.app.flags.progress != "json" && s.app.flags.progress != "quiet" {
		s.printNotes(plan)
	}
	return nil
}

// printNotes says what the plan would have said beside its steps.
func (s *session) printNotes(plan update.Plan) {
	for _, note := range plan.Notes {
		fmt.Fprintf(s.app.out, "note: %s: %s\n", note.Service, note.Text)
	}
}

// recoverFirst ends a run that died before anything new begins.
func (s *session) recoverFirst(ctx context.Context) error {
	entries, err := s.unfinished()
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return s.settledSource(ctx)
	}
	fmt.Fprintln(s.app.err, "an earlier update did not end; ending it first")
	err = s.resume(ctx, entries, false, false)
	var status *exitStatus
	if err != nil && !(errors.As(err, &status) && (status.code == exitRolledBack || status.code == exitError)) {
		return err
	}
	if err := s.settleSource(ctx); err != nil {
		return err
	}
	return s.reload(ctx) // what is wanted now is planned afresh
}

// reload goes back to the project of the compose files.
func (s *session) reload(ctx context.Context) error {
	fresh, err := s.app.open(ctx)
	if err != nil {
		return err
	}
	if fresh.project.Name != s.project.Name {
		return refuse(fmt.Errorf("the project is called %s now, and was %s", fresh.project.Name, s.project.Name), "pass -p "+s.project.Name+", or begin again without --pull and --ref")
	}
	s.present = fresh.project
	s.use(fresh.project)
	return nil
}

// renderedProject is the project of a release or of an unfinished run.
func renderedProject(ctx context.Context, release update.Release, directory string) (*project.Project, error) {
	p, err := project.LoadRendered(ctx, release.Rendered, directory)
	if err != nil {
		return nil, fmt.Errorf("read the project of release %d: %w", release.Number, err)
	}
	return p, nil
}
