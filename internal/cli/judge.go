package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"gapless/internal/change"
	"gapless/internal/engine"
	"gapless/internal/migrate"
	"gapless/internal/project"
	"gapless/internal/update"
)

// laboratory is the engine, as a trial needs it.
type laboratory struct {
	*engine.Workbench
	session *session
}

// trialLockWait is how long a trial of another process is waited for without a
// word, and by a command that runs none at all.
const trialLockWait = 100 * time.Millisecond

// trialLines is how much of an answer is read.
const trialLines = 50_000

// Ask implements migrate.Laboratory. Whoever reads the error wants to know what
// the command complained last.
func (l laboratory) Ask(ctx context.Context, spec update.CreateSpec, atMost time.Duration) ([]string, error) {
	printed, err := update.Ask(ctx, l.session.askEnv(spec.Run, trialLines), spec, atMost)
	var failed *update.GateError
	if errors.As(err, &failed) {
		for _, line := range slices.Backward(failed.Logs) {
			if strings.TrimSpace(line) != "" {
				return printed, fmt.Errorf("%s: %s", failed.Reason, strings.TrimSpace(line))
			}
		}
	}
	return printed, err
}

// judged is a change with migrations to judge.
type judged struct {
	change  change.Change
	service project.Service
}

// toJudge lists the services that run, get new code and may bring migrations.
func (s *session) toJudge(state update.State, changes []change.Change, named []string) []judged {
	var found []judged
	for _, c := range changes {
		service, _ := s.project.Service(c.Service)
		if service.MigratedBy != "" {
			service.Migrate = service.JobMigrate
		}
		switch {
		case len(service.Migrate) == 0 || !c.Has(change.KindImage, change.KindSource):
		case len(named) > 0 && !slices.Contains(named, c.Service):
		case oldImage(state, c.Service) == "":
		case s.noBuild && c.Build:
		case c.Source.Known && len(c.Source.Migrations) == 0 && !c.Source.Dependencies:
		default:
			found = append(found, judged{c, service})
		}
	}
	return found
}

// oldImage is what runs of a service; empty if nothing does.
func oldImage(state update.State, serviceName string) string {
	for _, c := range state.ContainersOf(serviceName) {
		if c.Running {
			return c.ImageID
		}
	}
	return ""
}

// judge finds out what the migrations of the new version do, before anything is
// touched. What cannot be found out is said, and nobody knows it then.
func (s *session) judge(ctx context.Context, state *update.State, changes []change.Change, options update.Options) ([]migrate.Report, error) {
	return s.judgeAll(ctx, state, s.toJudge(*state, changes, options.Named), options)
}

// judgeAll judges one after the other.
func (s *session) judgeAll(ctx context.Context, state *update.State, work []judged, options update.Options) ([]migrate.Report, error) {
	var reports []migrate.Report
	if len(work) == 0 {
		return nil, nil
	}
	// A trial that is interrupted takes down what it made.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	release, err := s.lockTrials(ctx)
	if ctx.Err() != nil {
		return nil, errTrialInterrupted
	}
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.bench.ClearTrials(ctx); err != nil {
		return nil, err // two of one name would be in each other's way
	}
	for _, j := range work {
		report, err := s.judgeOne(ctx, state, j, options)
		if ctx.Err() != nil {
			return nil, errTrialInterrupted
		}
		if errors.Is(err, migrate.ErrNotKnown) && !s.hasPostgres() {
			continue // the plan says what follows
		}
		if err != nil {
			s.warn("%s: its migrations are not judged: %v", j.service.Name, err)
			continue
		}
		reports = append(reports, report)
		judgement := report.Judgement()
		judgement.Free = s.freeForRewrites(ctx, judgement)
		addJudgement(state, j.service.Name, judgement)
	}
	return reports, nil
}

// freeForRewrites is what is free where a database is whose tables are written
// anew; 0 if there are none, or it is not known.
func (s *session) freeForRewrites(ctx context.Context, judgement *update.Judgement) int64 {
	of := judgement.Database
	if of == nil || !slices.ContainsFunc(judgement.Migrations, func(m update.Judged) bool { return len(m.Rewrites) > 0 }) {
		return 0
	}
	argv := []string{"psql", "--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--username", of.User, "--dbname", of.Name, "--command", "SHOW data_directory"}
	code, directory, err := s.engine.Printed(ctx, of.Container, argv, dataRoomWait)
	if err != nil || code != 0 {
		return 0
	}
	return s.dataRoom(ctx, of.Container, strings.TrimSpace(directory))
}

// addJudgement makes a judgement part of what a plan is made from.
func addJudgement(state *update.State, serviceName string, judgement *update.Judgement) {
	if state.Judgements == nil {
		state.Judgements = map[string]*update.Judgement{}
	}
	if state.Pending == nil {
		state.Pending = map[string][]string{}
	}
	state.Judgements[serviceName], state.Pending[serviceName] = judgement, judgement.Names()
}

// lockTrials waits for its turn, and says so if that takes a while.
func (s *session) lockTrials(ctx context.Context) (release func(), err error) {
	brief, cancel := context.WithTimeout(ctx, trialLockWait)
	defer cancel()
	if release, err = s.store.LockTrials(brief); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return release, err
	}
	fmt.Fprintln(s.app.err, "another gapless is judging the migrations of this project; waiting for it")
	return s.store.LockTrials(ctx)
}

// errTrialInterrupted says that nothing has begun.
var errTrialInterrupted = &exitStatus{code: exitInterrupted, err: errors.New("interrupted while migrations were judged; nothing was touched")}

// hasPostgres tells whether there is anything that a shadow could be made of.
func (s *session) hasPostgres() bool {
	return slices.ContainsFunc(s.project.Services, func(service project.Service) bool { return service.RunsPostgres() })
}

func (s *session) warn(format string, args ...any) {
	fmt.Fprintf(s.app.err, "warning: "+format+"\n", args...)
}

// judgeOne judges the migrations of one service.
func (s *session) judgeOne(ctx context.Context, state *update.State, j judged, options update.Options) (migrate.Report, error) {
	image, err := s.newImageOf(ctx, state, j, options)
	if err != nil {
		return migrate.Report{}, err
	}
	request := migrate.Request{
		Project: s.project.Name, Service: j.service, Run: newRunID(), OldImage: oldImage(*state, j.service.Name), NewImage: image, Settings: state.ConfigHashes[j.service.Name],
		Untraced: s.untraced(*state, j.service.Name), Cache: s.store,
		Say: func(text string) { fmt.Fprintln(s.app.err, text) },
	}
	for _, service := range s.project.Services {
		for _, c := range state.ContainersOf(service.Name) {
			if service.RunsPostgres() && c.Running {
				request.Databases = append(request.Databases, migrate.Database{Service: service.Name, Container: c.Name})
			}
		}
	}
	return migrate.Judge(ctx, laboratory{s.bench, s}, request)
}

// trialBytes is what a shadow takes of the memory, with what runs in it.
const trialBytes = 160 << 20

// untraced is why no trial is to be run; empty if one is. What serves must not
// lose its memory to one.
func (s *session) untraced(state update.State, serviceName string) string {
	if s.noTrace {
		return "--no-trace"
	}
	need := int64(trialBytes)
	for _, c := range state.ContainersOf(serviceName) {
		need = max(need, trialBytes+c.MemoryBytes)
	}
	if free := state.MemoryAvailableBytes; free > 0 && free < need {
		return fmt.Sprintf("a shadow of the database and the command need about %s, and %s are free", update.BytesText(need), update.BytesText(free))
	}
	return ""
}

// newImageOf is the ID of the image that a service is to get. One that is built
// gets a name of ours until the update gives it its own.
func (s *session) newImageOf(ctx context.Context, state *update.State, j judged, options update.Options) (string, error) {
	reference := state.Images[j.service.Name].Reference
	switch {
	case j.change.Pull:
		return "", errors.New("its new image is not here; gapless update fetches it first")
	case !j.change.Build:
		return state.Images[j.service.Name].ID, nil
	case !state.Disk.Fits(j.service.Name):
		return "", errors.New("the disk has too little room to build its image")
	}
	fmt.Fprintf(s.app.err, "building %s, to judge its migrations; nothing that runs is touched\n", j.service.Name)
	name := update.PinPrefix + s.project.Name + "/" + j.service.Name + ":judged"
	earlier, _ := s.bench.ImageID(ctx, name) // there may be none
	image, err := s.bench.Build(ctx, j.service.Name, update.BuildOptions{NoCache: update.BuildsAfresh(options, j.change), As: name})
	if err != nil {
		return "", err
	}
	if earlier != "" && earlier != image {
		if err := s.engine.RemoveUnnamed(ctx, earlier); err != nil {
			s.warn("an image that was judged and not deployed stays: %v", err)
		}
	}
	if state.Built == nil {
		state.Built = map[string]string{}
	}
	for _, service := range s.project.Services {
		if state.Images[service.Name].Reference == reference {
			state.Built[service.Name] = image
		}
	}
	return image, nil
}

// fetchAhead fetches images that are not here, if they bring migrations to judge,
// and tells whether it did. Nothing runs of a name that names nothing yet.
func (s *session) fetchAhead(ctx context.Context, state update.State, changes []change.Change, options update.Options) (bool, error) {
	fetched := false
	for _, j := range s.toJudge(state, changes, options.Named) {
		if s.lock == nil || !j.change.Pull || state.Images[j.service.Name].ID != "" {
			continue
		}
		fmt.Fprintf(s.app.err, "pulling %s, to judge its migrations\n", j.service.Image)
		if _, err := s.bench.Pull(ctx, j.service.Name); err != nil {
			return fetched, fmt.Errorf("pull %s: %w", j.service.Image, err)
		}
		fetched = true
	}
	return fetched, nil
}
