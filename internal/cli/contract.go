package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/project"
	"gapless/internal/update"
)

// contractFlags are the flags of migrations contract.
type contractFlags struct {
	shift     shiftFlags
	dryRun    bool
	olderThan time.Duration
}

func (a *app) contractCommand() *cobra.Command {
	flags := contractFlags{shift: shiftFlags{strategy: update.StrategyAuto}}
	c := &cobra.Command{
		Use:   "contract",
		Short: "Run the migrations that an update left waiting",
		Long: `An update lets migrations wait that take away what the version before it used,
if the new version does without them: no request has to wait then, and a rollback
finds everything that it needs. Contract runs them once no older version is to
come back. They are judged again first, against what runs now. No container is
replaced.

gapless status says what waits. With --older-than nothing happens until it has
waited for so long, so that a timer may call this every night.`,
		Example: `  gapless migrations contract
  gapless migrations contract --older-than 72h --yes`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.contract(c.Context(), flags) },
	}
	c.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show the plan and stop")
	c.Flags().DurationVar(&flags.olderThan, "older-than", 0, "only what has waited for so long, such as 72h")
	flags.shift.addMigrations(c)
	return c
}

func (a *app) contract(ctx context.Context, flags contractFlags) error {
	if err := flags.shift.check(); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.noTrace = flags.shift.noTrace
	if flags.dryRun {
		if err := s.look(ctx); err != nil {
			return err
		}
	} else {
		if err := s.ready(ctx, "migrations contract"); err != nil {
			return err
		}
		if err := s.recoverFirst(ctx); err != nil {
			return err
		}
	}
	newest, err := s.store.Newest()
	if err != nil && !noRelease(err) {
		return refuse(err, "")
	}
	if !waits(newest, time.Now().Add(-flags.olderThan)) {
		_, err := fmt.Fprintf(a.out, "%s: no migration waits%s\n", s.project.Name, flags.longEnough())
		return err
	}
	state, plan, err := s.planContract(ctx, newest, flags.shift.options(nil))
	if err != nil {
		return err
	}
	if flags.dryRun {
		return s.writePlan(plan, planFlags{})
	}
	return s.execute(ctx, state, plan)
}

func (f contractFlags) longEnough() string {
	if f.olderThan == 0 {
		return ""
	}
	return " for " + update.DurationText(f.olderThan) + " yet"
}

// waits tells whether migrations wait, all of them since before a moment.
func waits(release update.Release, since time.Time) bool {
	return len(release.Waiting) > 0 && !slices.ContainsFunc(release.Waiting, func(w update.Waiting) bool { return w.Time.After(since) })
}

// planContract plans to run what waits with the images that run. From then on the
// session is about the project as the release has it.
func (s *session) planContract(ctx context.Context, release update.Release, options update.Options) (update.State, update.Plan, error) {
	recorded, err := renderedProject(ctx, release, s.project.Directory)
	if err != nil {
		return update.State{}, update.Plan{}, refuse(err, "")
	}
	recorded.Settings.Backup = s.project.Settings.Backup // where backups go is a matter of today
	s.use(recorded.WithImages(imagesOf(release)))
	state, err := s.observe(ctx)
	if err != nil {
		return state, update.Plan{}, err
	}
	var work []judged
	for _, waiting := range release.Waiting {
		service, there := s.project.Service(waiting.Service)
		if !there {
			continue // Contract leaves it waiting
		}
		if err := s.isReleased(state, release, service); err != nil {
			return state, update.Plan{}, err
		}
		image := release.Services[service.Name].ImageID
		state.Images[service.Name] = update.Image{Reference: image, ID: image}
		work = append(work, judged{service: service})
	}
	if _, err := s.judgeAll(ctx, &state, work, options); err != nil {
		return state, update.Plan{}, err
	}
	if state.Backup, err = s.backupTarget(state, options); err != nil {
		return state, update.Plan{}, err
	}
	plan, err := update.Contract(state, s.project, options)
	if err != nil {
		return state, plan, planError(err)
	}
	return state, plan, nil
}

// isReleased refuses to take something away while anything else runs than what the
// release recorded, of the service or of another one with its code: that may need it.
func (s *session) isReleased(state update.State, release update.Release, service project.Service) error {
	for _, other := range s.project.Services {
		if other.Image != service.Image {
			continue
		}
		recorded := release.Services[other.Name]
		for _, c := range state.ContainersOf(other.Name) {
			if c.Running && (c.ImageID != recorded.ImageID || c.ConfigHash != recorded.ConfigHash || c.ImageID != release.Services[service.Name].ImageID) {
				return refuse(fmt.Errorf("%s is not what release %d recorded of %s: it may need what migrations contract takes away", c.Name, release.Number, service.Name),
					"gapless update first, of all services with that image")
			}
		}
	}
	return nil
}
