package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/backup"
	"gapless/internal/ui"
	"gapless/internal/update"
)

func (a *app) backupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backup",
		Short: "Make backups of databases and volumes, prove that they can be restored, and restore them",
		Long: `Make backups of a Postgres, a Redis or a volume of the project. A backup counts only
after it was read to its end, restored into a throwaway server or volume without
network, and compared with what was there: tables, rows, sequences, and a query of your
own; keys; files with owners, times and checksums.

An update makes one before it migrates where x-gapless.backup is set.`,
		Example: `  gapless backup create               dump, prove, and then it is a backup
  gapless backup create media         a volume, or a service that runs Redis
  gapless backup list
  gapless backup verify latest        prove it again
  gapless backup restore 20260102     a part of the ID will do
  gapless backup prune --dry-run      what retention would remove, and why the rest stays`,
		Args: groupArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	create := &cobra.Command{Use: "create [SERVICE|VOLUME]...", Short: "Back the database up, and prove the backup", Args: cobra.ArbitraryArgs,
		Long: `Back up, and prove the backup. Without a name that is the Postgres of the project,
and what x-gapless.backup.also names. A name is a service that runs Postgres or Redis,
a volume as the compose file calls it, or a service with one volume.`,
		RunE: func(c *cobra.Command, names []string) error { return a.backupCreate(c.Context(), names) }}
	c.AddCommand(create, a.backupListCommand(), a.backupVerifyCommand(), a.backupRestoreCommand(), a.backupPruneCommand())
	return c
}

// openForBackup opens a project for work on its backups.
func (a *app) openForBackup(ctx context.Context, command string) (*session, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, "backup "+command); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (a *app) backupCreate(ctx context.Context, names []string) error {
	s, err := a.openForBackup(ctx, "create")
	if err != nil {
		return err
	}
	defer s.close()
	items, err := s.backupItems(names)
	if err != nil {
		return err
	}
	run := newRunID()
	makers, err := s.makersOf(items, run, a.notice)
	if err != nil {
		return err
	}
	target := &update.BackupTarget{Service: items[0].Text()}
	all := manyBackups{}
	for i, maker := range makers {
		if all = append(all, maker); i > 0 {
			target.Also = append(target.Also, items[i].Text())
		}
	}
	if items[0].Kind == backup.KindPostgres {
		s.measureBackup(ctx, target)
	}
	plan := update.BackupPlan(s.project.Name, *addLast(target, makers[0].Store, items))
	if err := s.runBackup(ctx, &plan, all, run); err != nil {
		var runs *backup.RunningDatabaseError
		if errors.As(err, &runs) {
			return refuse(runs, runs.Hint())
		}
		return err
	}
	for _, maker := range makers {
		made, err := maker.Store.Find(maker.ID())
		if err == nil {
			err = a.printMade(made)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) notice(text string) { fmt.Fprintln(a.err, "note: "+text) }

// runBackup runs a plan that touches nothing of the application, and therefore
// needs no journal: the next start removes what a dead one has left.
func (s *session) runBackup(ctx context.Context, plan *update.Plan, backups update.Backups, runID string) error {
	screen, err := s.backupScreen(plan)
	if err != nil {
		return err
	}
	defer screen.Close()
	run := &update.Run{Plan: plan, Env: &update.Env{Backups: backups, Journal: noJournal{}, Sink: backupSink{screen}, Clock: wallClock{}, Run: runID, Unavailable: unavailable, Together: update.Together}}
	var outcome update.Outcome
	err = interruptible(ctx, run, func(ctx context.Context) (err error) {
		outcome, err = run.Execute(ctx)
		return err
	})
	switch {
	case errors.Is(err, context.Canceled):
		return &exitStatus{code: exitInterrupted, err: errors.New("stopped at once"), hint: "the next gapless command removes what is left"}
	case err != nil:
		return err
	case errors.Is(outcome.Cause, update.ErrInterrupted):
		return &exitStatus{code: exitInterrupted, err: errors.New("interrupted: there is no new backup")}
	}
	return errors.Join(outcome.Cause, outcome.Stuck)
}

// backupScreen opens the output of a backup.
func (s *session) backupScreen(plan *update.Plan) (*ui.Renderer, error) {
	screen, err := ui.New(ui.Options{Mode: ui.Mode(s.app.flags.progress), Color: s.app.flags.color, Progress: s.app.err, Result: s.app.out,
		Plan: plan, Redactor: ui.NewRedactor(s.project.Secrets()...)})
	if err != nil {
		return nil, &exitStatus{code: exitError, err: err}
	}
	return screen, nil
}

// backupSink leaves out what is said of updates.
type backupSink struct{ next update.Sink }

// Emit implements update.Sink.
func (b backupSink) Emit(event update.Event) {
	if event.Kind != update.EventRunStarted && event.Kind != update.EventCommitted {
		b.next.Emit(event)
	}
}

// backupsOf makes the backup of an update. One that cannot be opened has none,
// and can be undone all the same: the next start removes what is left.
func (s *session) backupsOf(runID string, screen *ui.Renderer) update.Backups {
	notice := func(text string) {
		screen.Emit(update.Event{Time: time.Now(), Kind: update.EventNotice, Run: runID, Text: text})
	}
	items, err := s.project.BackupItems()
	if err != nil {
		return noBackups{backup.NewID(runID), err}
	}
	makers, err := s.makersOf(items, runID, notice)
	if err != nil || len(makers) == 0 {
		return noBackups{backup.NewID(runID), err}
	}
	all := manyBackups{}
	for i, maker := range makers {
		all = append(all, &ifAny{Backups: maker, notice: notice, of: items[i].Text()})
	}
	return all
}

// ifAny lets an update go on where there is nothing to lose yet.
type ifAny struct {
	update.Backups
	notice func(text string)
	of     string
	none   bool
}

// Dump implements update.Backups.
func (i *ifAny) Dump(ctx context.Context, say func(string)) error {
	err := i.Backups.Dump(ctx, say)
	if !errors.Is(err, backup.ErrNothing) {
		return err
	}
	i.none = true
	i.notice("there is nothing of " + i.of + " to back up yet: nobody has used it")
	_, err = i.Discard(ctx)
	return err
}

// Prove implements update.Backups.
func (i *ifAny) Prove(ctx context.Context, say func(string)) error {
	if i.none {
		return nil
	}
	return i.Backups.Prove(ctx, say)
}

// noBackups stands for backups that cannot be made.
type noBackups struct {
	id  string
	err error
}

// Dump implements update.Backups.
func (n noBackups) Dump(context.Context, func(string)) error { return n.err }

// Prove implements update.Backups.
func (n noBackups) Prove(context.Context, func(string)) error { return n.err }

// Discard implements update.Backups.
func (n noBackups) Discard(context.Context) (kept bool, err error) { return false, nil }

// ID implements update.Backups.
func (n noBackups) ID() string { return n.id }

// noJournal is the journal of a run that needs none.
type noJournal struct{}

// Append implements update.Journal.
func (noJournal) Append(update.Entry) error { return nil }

// printMade says what a backup is.
func (a *app) printMade(made backup.Stored) error {
	if a.flags.progress == "json" {
		return a.encode(reportOf(made))
	}
	_, err := fmt.Fprintf(a.out, "backup %s of %s: %s in %s, restored and compared in %s\n  %s\n", made.ID, made.Of(),
		sizeText(made.Bytes()), update.DurationText(made.DumpTook), update.DurationText(made.ProofTook), made.Directory)
	return err
}

// hasBackup tells whether a plan makes a backup.
func hasBackup(plan update.Plan) bool {
	for _, step := range plan.Steps() {
		if _, is := step.(*update.DumpStep); is {
			return true
		}
	}
	return false
}

// sizeText writes a size that may be small.
func sizeText(bytes int64) string {
	if bytes < 10<<20 {
		return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
	}
	return update.BytesText(bytes)
}

// sayLine prints what a long step says of itself, now and then.
func (a *app) sayLine() func(string) {
	var spoke time.Time
	return func(text string) {
		if a.flags.progress == "quiet" || a.flags.progress == "json" || time.Since(spoke) < 2*time.Second {
			return
		}
		spoke = time.Now()
		fmt.Fprintln(a.err, escaped(text))
	}
}
