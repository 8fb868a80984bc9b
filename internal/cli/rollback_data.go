package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"gapless/internal/backup"
	"gapless/internal/update"
)

// dataFlags say what a rollback does with the database.
type dataFlags struct {
	restore   bool
	confirmed string
	identity  identityFlag
}

func (f *dataFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.restore, "restore-data", false, "put the backup that was made before the next release migrated in the place of the database; what was written since is missing then")
	c.Flags().StringVar(&f.confirmed, "confirm", "", "with --restore-data, the name of the project: yes, what was written since the backup may be missing")
	f.identity.add(c)
}

// read checks the flags. A confirmation of something else is refused at once.
func (f *dataFlags) read(projectName string) (dataBack, error) {
	if !f.restore {
		if f.confirmed != "" {
			return dataBack{}, &exitStatus{code: exitError, err: errors.New("--confirm is for --restore-data: without it no data is touched"), hint: "--yes runs the plan without a question"}
		}
		return dataBack{}, nil
	}
	if err := checkConfirmed(projectName, f.confirmed); err != nil {
		return dataBack{}, err
	}
	identities, err := f.identity.read()
	return dataBack{wanted: true, confirmed: f.confirmed, identities: identities}, err
}

// dataBack is how a rollback takes the data with it.
type dataBack struct {
	wanted     bool
	confirmed  string
	identities []age.Identity
	store      *backup.Store // that the backup is in
}

// asksAbout tells whether a person is asked before a plan runs, who has to see it.
func (s *session) asksAbout(plan update.Plan) bool {
	if plan.Restored() != "" {
		return s.data.confirmed == ""
	}
	return !s.app.flags.yes
}

// confirmPlan asks for what a plan costs: a word that nobody types by accident
// where data gets lost.
func (s *session) confirmPlan(plan update.Plan) error {
	if plan.Restored() != "" {
		return s.app.confirmTyped(s.project.Name, s.data.confirmed)
	}
	return s.app.confirm("Run this plan?")
}

// rewind gives the way to the backups, as the settings of the session say.
func (s *session) rewind() (*backup.Rewind, error) {
	service, err := s.project.BackupService()
	if err != nil {
		return nil, refuse(err, "x-gapless: {backup: {service: NAME}}")
	}
	store, err := s.backupStore(false)
	if err != nil {
		return nil, err
	}
	return &backup.Rewind{Maker: s.restorer(service.Name, newRunID(), store), Identities: s.data.identities}, nil
}

func (s *session) restorer(serviceName, run string, store *backup.Store) *backup.Maker {
	return &backup.Maker{Engine: backupEngine{s}, Store: store, Project: s.project.Name, Service: serviceName, Run: run, Tool: "gapless " + Version, Now: time.Now,
		Server: func(ctx context.Context) (backup.Server, error) { return s.backupServer(ctx, serviceName) }}
}

// checkData refuses a backup that cannot come back, before anything is touched.
func (s *session) checkData(ctx context.Context, from update.Release, release int) (*update.Restore, error) {
	rewind, err := s.rewind()
	if err != nil {
		return nil, err
	}
	stored, err := rewind.Store.Find(from.Backup)
	if err != nil {
		return nil, &exitStatus{code: exitRefused, err: fmt.Errorf("the backup that release %d made: %w", from.Number, err), hint: "gapless backup list shows what there is"}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(s.app.err, "reading backup %s to its end, before anything is touched\n", stored.ID)
	planned, err := rewind.Check(ctx, stored, release, s.app.sayLine())
	if errors.Is(err, backup.ErrNoIdentity) {
		return nil, &exitStatus{code: exitRefused, err: err, hint: "add --identity FILE"}
	}
	if err != nil {
		return nil, unfit(err)
	}
	s.data.store = rewind.Store
	return planned, nil
}

// sinceLimit is how long somebody in a hurry waits for that.
const sinceLimit = 10 * time.Second

// wouldLose says what was written since a backup. What cannot be found out is
// said, and stops nobody.
func (s *session) wouldLose(ctx context.Context, from update.Release, loses string) string {
	rewind, err := s.rewind()
	var stored backup.Stored
	if err == nil {
		stored, err = rewind.Store.Find(from.Backup)
	}
	if err != nil {
		return fmt.Sprintf("backup %s, from before release %d, cannot be read: %v", from.Backup, from.Number, err)
	}
	text := fmt.Sprintf("restoring backup %s, made %s ago (%s) before release %d, %s everything written since", stored.ID, ageText(stored.Started), stored.Started.UTC().Format("2006-01-02 15:04 MST"), from.Number, loses)
	limited, cancel := context.WithTimeout(ctx, sinceLimit)
	defer cancel()
	found, gone, err := rewind.Since(limited, stored.Manifest)
	switch lost := backup.Lost(found); {
	case err != nil:
		text += ", which could not be counted: " + err.Error()
	case lost != "":
		text += ", as far as the server has counted: " + lost
	default:
		text += "; the server has counted nothing"
	}
	for _, name := range gone {
		text += fmt.Sprintf("; database %s is not there any more and comes back", name)
	}
	return text
}

// restoresOf gives a run the way to its databases. One that is resumed fills none:
// it is undone, or has ended.
func (s *session) restoresOf(plan *update.Plan, runID string) update.Restores {
	return &backup.Rewind{Maker: s.restorer(plan.RestoredService(), runID, s.data.store), Identities: s.data.identities}
}

// sayKept says where the data of today is, and how it comes back.
func (s *session) sayKept(plan *update.Plan) {
	kept := plan.Kept()
	back, drop := backup.Back(kept)
	for i, d := range kept {
		fmt.Fprintf(s.app.err, "database %s of before the rollback stays as %s, and is in no backup\n", escaped(d.Name), escaped(d.Kept))
		fmt.Fprintf(s.app.err, "  to get it back, with nobody connected: %s\n  once you do not need it: %s\n", escaped(back[i]), escaped(drop[i]))
	}
}

// atStartOf are the services of a release whose image migrates by itself.
func atStartOf(release update.Release) map[string]bool {
	found := map[string]bool{}
	for name, service := range release.Services {
		found[name] = service.AtStart
	}
	return found
}

// atStart tells whether the image that a service runs after a plan migrates by
// itself, as far as a judgement of it has seen.
func (s *session) atStart(serviceName string, plan update.Plan, state update.State) bool {
	if judged := state.Judgements[serviceName]; judged != nil {
		return judged.ByItself
	}
	before := state.Release
	if plan.BackTo > 0 {
		if release, err := s.store.Release(plan.BackTo); err == nil {
			before = &release
		}
	}
	return before != nil && before.Services[serviceName].AtStart
}
