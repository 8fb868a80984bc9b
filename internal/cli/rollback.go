package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// rollbackFlags are the flags of rollback.
type rollbackFlags struct {
	checkout, dryRun bool
	data             dataFlags
}

func (a *app) rollbackCommand() *cobra.Command {
	var flags rollbackFlags
	c := &cobra.Command{
		Use:   "rollback [RELEASE]",
		Short: "Go back to an earlier release: its images, settings and environment",
		Long: `Rollback brings back an earlier release, the one before the newest unless a
number is given, in the same way as an update and with the same care. A second
rollback goes one further back. It also works when the containers of that
release are gone. It changes no data: what a migration did stays done, and the
plan says what that is and what a restore would lose. The
compose file on disk stays as it is; the next update follows it again. With
--checkout the git checkout goes to the revision of that release first, for
files that are mounted from it.

With --restore-data the database goes back too, to the backup that was made
before the release after it migrated. Everything that was written since is
missing afterwards: so it asks for the name of the project, or wants it as
--confirm NAME, and --yes is not enough. What the database holds today stays
under another name.

While an update watches its new version, rollback lets it take that back.`,
		Example: "  gapless rollback\n  gapless rollback 41\n  gapless rollback --restore-data --dry-run   what that would lose",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			number := 0
			if len(arguments) == 1 {
				var err error
				if number, err = strconv.Atoi(strings.TrimPrefix(arguments[0], "r")); err != nil || number < 1 {
					return &exitStatus{code: exitError, err: fmt.Errorf("%q is not a release number", arguments[0]), hint: "gapless history lists the releases"}
				}
			}
			return a.rollback(c.Context(), number, flags)
		},
	}
	flags.data.add(c)
	c.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show the plan and stop")
	c.Flags().BoolVar(&flags.checkout, "checkout", false, "put the git checkout at the revision of that release; back if the rollback does not go through")
	return c
}

func (a *app) rollback(ctx context.Context, number int, flags rollbackFlags) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if s.data, err = flags.data.read(s.project.Name); err != nil {
		return err
	}
	if flags.dryRun {
		return s.showRollback(ctx, number)
	}
	if err := s.ready(ctx, "rollback"); err != nil {
		if number > 0 || flags.checkout || flags.data.restore {
			return err
		}
		if done, err := s.endWatch(ctx, err); done || err != nil {
			return err
		}
	} else if number == 0 && !flags.checkout && !flags.data.restore {
		if done, err := s.endLeftWatch(ctx); done || err != nil {
			return err
		}
	}
	if err := s.recoverFirst(ctx); err != nil {
		return err
	}
	release, err := s.rollbackTarget(number)
	if err != nil {
		return err
	}
	s.fromRevision = release.Revision
	if flags.checkout {
		return s.atRevision(ctx, release, func() error { return s.goBack(ctx, release) })
	}
	if err := s.goBack(ctx, release); err != nil {
		return err
	}
	s.offerCheckout(ctx, release)
	return nil
}

// showRollback plans and prints. It takes no lock and changes nothing.
func (s *session) showRollback(ctx context.Context, number int) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	release, err := s.rollbackTarget(number)
	if err != nil {
		return err
	}
	_, plan, err := s.wayBack(ctx, release)
	if err != nil {
		return err
	}
	return s.writePlan(plan, planFlags{})
}

// goBack plans the way to a release and goes it.
func (s *session) goBack(ctx context.Context, release update.Release) error {
	state, plan, err := s.wayBack(ctx, release)
	if err != nil {
		return err
	}
	return s.execute(ctx, state, plan)
}

// wayBack plans the way to a release. From then on the session is about the
// project as that release had it.
func (s *session) wayBack(ctx context.Context, release update.Release) (update.State, update.Plan, error) {
	recorded, err := renderedProject(ctx, release, s.project.Directory)
	if err != nil {
		return update.State{}, update.Plan{}, refuse(err, "")
	}
	past, err := s.past(ctx, release) // while the session has the settings of today
	if err != nil {
		return update.State{}, update.Plan{}, err
	}
	s.use(recorded.WithImages(imagesOf(release)))
	tags, err := s.bringBack(ctx, release)
	if err != nil {
		return update.State{}, update.Plan{}, err
	}
	return s.planRelease(ctx, release, tags, past)
}

// rollbackTarget is the release to go back to.
func (s *session) rollbackTarget(number int) (update.Release, error) {
	newest, err := s.store.Newest()
	if noRelease(err) {
		return newest, refuse(errors.New("there is no release to go back to: nothing was updated yet"), "gapless update makes the first one")
	}
	if err != nil {
		return newest, refuse(err, "")
	}
	if number == 0 {
		if number, err = s.before(newest); err != nil {
			return newest, err
		}
	}
	release, err := s.store.Release(number)
	if noRelease(err) {
		return release, refuse(fmt.Errorf("there is no release %d", number), s.releaseHint())
	}
	return release, err
}

// before is the release before the one that runs. Where that runs what an earlier
// one ran, because it was brought back or only migrations were caught up on, it is
// the one before the original: a second rollback goes further back, and not to what
// the first one left.
func (s *session) before(running update.Release) (number int, err error) {
	for running.BackTo > 0 || running.Strategy == update.StrategyContract {
		same := cmp.Or(running.BackTo, running.Previous)
		original, err := s.store.Release(same)
		if noRelease(err) {
			return 0, refuse(fmt.Errorf("release %d runs, which is %d again, and nobody knows any more what was before that", running.Number, same), s.releaseHint())
		}
		if err != nil {
			return 0, refuse(err, "")
		}
		running = original
	}
	if running.Previous == 0 {
		return 0, refuse(fmt.Errorf("release %d is the first one", running.Number), "")
	}
	return running.Previous, nil
}

func (s *session) releaseHint() string {
	numbers, err := s.store.Releases()
	if err != nil || len(numbers) == 0 {
		return "gapless history lists the releases"
	}
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.Itoa(n))
	}
	return "kept releases: " + strings.Join(words, ", ")
}

// bringBack plans the tags that the images of a release need to be found
// under their names again. All of them must still be there.
func (s *session) bringBack(ctx context.Context, release update.Release) ([]update.Step, error) {
	observed, err := s.bench.Observe(ctx)
	if err != nil {
		return nil, err
	}
	var tags []update.Step
	var gone []string
	for _, service := range s.project.Services {
		recorded, known := release.Services[service.Name]
		if !known || recorded.ImageID == "" || staysAsItIs(service, observed.Containers) {
			continue
		}
		if _, err := s.bench.ImageID(ctx, recorded.ImageID); err != nil {
			gone = append(gone, fmt.Sprintf("%s: %s (%s)", service.Name, recorded.Image, update.ShortID(recorded.ImageID)))
			continue
		}
		now := observed.Images[service.Name].ID
		if now != recorded.ImageID {
			tags = append(tags, &update.TagStep{Service: service.Name, ImageID: recorded.ImageID, Reference: service.Image, Previous: now})
		}
	}
	if len(gone) > 0 {
		return nil, refuse(fmt.Errorf("images of release %d are gone: %s", release.Number, strings.Join(gone, ", ")), fmt.Sprintf("the images of the last %d releases are kept; older ones may be pruned", keptReleases))
	}
	return tags, nil
}

// staysAsItIs tells whether a rollback leaves a service alone: a database that
// runs is never replaced by it, so that its image need not be there, and its
// name must go on meaning what runs.
func staysAsItIs(service project.Service, containers []update.Container) bool {
	return service.Role == project.RoleStateful && slices.ContainsFunc(containers, func(c update.Container) bool {
		return c.Service == service.Name && c.Running
	})
}

// planRelease plans the way to a release as it was recorded.
func (s *session) planRelease(ctx context.Context, release update.Release, tags []update.Step, past past) (update.State, update.Plan, error) {
	state, err := s.observe(ctx)
	if err != nil {
		return state, update.Plan{}, err
	}
	for name, recorded := range release.Services {
		state.Images[name] = update.Image{Reference: recorded.Image, ID: recorded.ImageID}
		delete(state.Sources, name)
		state.BaseIDs[name] = recorded.BaseID
		if source := release.SourceOf(name); source != nil {
			state.Sources[name] = *source
		}
	}
	changes := s.detect(ctx, state)
	s.addCapacity(ctx, &state, changes)
	options := update.Options{Cause: fmt.Sprintf("back to release %d", release.Number), BackTo: release.Number, Statics: map[string]string{}, Waiting: release.Waiting,
		Crosses: past.words, Restore: past.restore, AtStart: atStartOf(release)}
	changes = append(changes, s.staticsBack(state, release, changes, options.Statics)...)
	if len(changes) > 0 || past.restore != nil {
		options.Tags = tags
	}
	plan, err := update.Make(state, s.project, changes, options)
	if err == nil && plan.Empty() {
		fmt.Fprintf(s.app.err, "release %d is what runs\n", release.Number)
	}
	if err != nil {
		return state, plan, planError(err)
	}
	return state, plan, s.preflight(ctx, state, plan)
}

// staticsBack finds the services whose static files are not those of the
// release: where they came from another image than the service runs, that one
// is collected again. It notes the images in statics and returns the changes
// that are nothing but static files.
func (s *session) staticsBack(state update.State, release update.Release, changes []change.Change, statics map[string]string) []change.Change {
	var only []change.Change
	for _, service := range s.project.Services {
		wanted := release.Services[service.Name]
		if len(service.Static) == 0 || state.Release == nil {
			continue
		}
		now := state.Release.Services[service.Name]
		from := cmp.Or(wanted.Static, wanted.ImageID)
		if from == "" || from == cmp.Or(now.Static, now.ImageID) {
			continue
		}
		statics[service.Name] = from
		if !slices.ContainsFunc(changes, func(c change.Change) bool { return c.Service == service.Name }) {
			only = append(only, change.Change{Service: service.Name, Source: change.SourceChange{Known: true, Static: true},
				Causes: []change.Cause{{Kind: change.KindSource, Words: fmt.Sprintf("static files of release %d", release.Number)}}})
		}
	}
	return only
}
