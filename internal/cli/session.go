package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
	"gapless/internal/journal"
	"gapless/internal/project"
	"gapless/internal/update"
)

// session is one project with everything that a command may need of it. Its
// parts are opened when they are needed first.
type session struct {
	app     *app
	project *project.Project
	// present is the project as the compose files have it now, whatever release or
	// run the session is about; nil if they cannot be read.
	present *project.Project
	// unreadable is why the compose files could not be read, in a command that
	// can do without them.
	unreadable error
	// fromRevision is what a rollback goes back to; nil for what the checkout
	// is at.
	fromRevision *update.Revision

	engine *engine.Engine
	bench  *engine.Workbench
	store  *journal.Store
	lock   *journal.Lock
	edge   *edgectl.Client
	// ownImage is the ID of the image of this program; empty: not looked yet.
	ownImage string
	// noTrace leaves out the trial of migrations, and noBuild to build an image
	// for the sake of judging them.
	noTrace, noBuild bool
	// passedOn are services whose requests the edge has counted already when a
	// front got them; nil: not looked yet.
	passedOn map[string]bool
	counting sync.Mutex // guards passedOn: counters are read beside a run
	// data is what a rollback does with the database; its zero value: nothing.
	data dataBack
}

// open loads the project. Bad input is refused with all its problems at once.
func (a *app) open(ctx context.Context) (*session, error) {
	p, err := project.Load(ctx, a.projectOptions())
	if errors.Is(err, project.ErrNoComposeFile) {
		return nil, &exitStatus{code: exitError, err: err}
	}
	if err != nil {
		return nil, refuse(err, "")
	}
	return &session{app: a, project: p, present: p}, nil
}

func (a *app) projectOptions() project.Options {
	return project.Options{
		Files: a.flags.files, EnvFiles: a.flags.envFiles, Profiles: a.flags.profiles,
		ProjectName: a.flags.projectName, ProjectDirectory: a.flags.projectDirectory,
	}
}

// checkNames refuses services that the project does not have.
func (s *session) checkNames(services []string) error {
	for _, name := range services {
		if _, ok := s.project.Service(name); ok {
			continue
		}
		var known []string
		for _, service := range s.project.Services {
			known = append(known, service.Name)
		}
		err := fmt.Errorf("no service %q in this project", shorten(name, 60))
		return &exitStatus{code: exitError, err: err, hint: "it has: " + strings.Join(known, ", ")}
	}
	return nil
}

// openStore opens the state directory of the project.
func (s *session) openStore() error {
	directory, err := stateDirectory()
	if err != nil {
		return err
	}
	if err := makePrivate(directory); err != nil {
		return err
	}
	s.store, err = journal.Open(filepath.Join(directory, "projects"), s.project.Name)
	if err != nil {
		return refuse(err, "")
	}
	for _, warning := range s.store.Warnings() {
		fmt.Fprintln(s.app.err, "warning: "+warning)
	}
	return nil
}

// stateDirectory is where Gapless keeps its state on this host.
func stateDirectory() (string, error) {
	if directory := os.Getenv("GAPLESS_STATE_DIR"); directory != "" {
		if !filepath.IsAbs(directory) {
			// It would be another one, with another lock, in every directory.
			return "", refuse(fmt.Errorf("GAPLESS_STATE_DIR=%s is not an absolute path", directory), "set it to a path that starts with /")
		}
		return filepath.Clean(directory), nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/gapless", nil
	}
	if directory := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(directory) {
		return filepath.Join(directory, "gapless"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", refuse(fmt.Errorf("no place for the state: %w", err), "set GAPLESS_STATE_DIR")
	}
	return filepath.Join(home, ".local", "state", "gapless"), nil
}

// makePrivate makes a directory for its owner alone, and the parents that it
// lacks. One that others can write to, or own, is refused.
func makePrivate(directory string) error {
	if err := os.MkdirAll(filepath.Dir(directory), 0o755); err != nil {
		return refuse(fmt.Errorf("state directory: %w", err), "set GAPLESS_STATE_DIR to a directory that you can write to")
	}
	if err := journal.EnsureDirectory(directory); err != nil {
		return refuse(err, "")
	}
	return nil
}

// engineOptions chooses the engine as the flags say.
func (a *app) engineOptions() engine.Options {
	return engine.Options{Host: a.flags.host, Context: a.flags.dockerContext}
}

// connect reaches the Docker engine and the edge.
func (s *session) connect(ctx context.Context) error {
	e, err := engine.Connect(ctx, s.app.engineOptions())
	if err != nil {
		return err
	}
	s.engine = e
	s.use(s.project)
	directory, err := edgeDirectory()
	if err != nil {
		return err
	}
	s.edge = edgectl.New(directory)
	return nil
}

// use binds the engine to a project, which in a rollback or a resume is not
// the one of the compose file.
func (s *session) use(p *project.Project) {
	s.project = p
	s.bench = engine.ForProject(s.engine, p.Compose).WithHelper(engine.HelperProgram{Image: s.helperImage, Command: []string{programInImage, "statics"}})
}

// edgeDirectory is where the one edge of this host keeps its sockets.
func edgeDirectory() (string, error) {
	directory, err := stateDirectory()
	if err != nil {
		return "", err
	}
	return filepath.Join(directory, "edge"), nil
}

// take gets the lock of the project; another holder is an error with its own
// exit code.
func (s *session) take(command string) error {
	lock, err := s.store.Lock(journal.Self("", command, Version))
	var locked *journal.LockedError
	if errors.As(err, &locked) {
		return &exitStatus{code: exitLocked, err: err, hint: "gapless lock status shows who works on it"}
	}
	if err != nil {
		return refuse(err, "")
	}
	s.lock = lock
	return nil
}

// close gives everything back.
func (s *session) close() {
	if s.lock != nil {
		_ = s.lock.Unlock()
	}
	if s.store != nil {
		_ = s.store.Close()
	}
	if s.engine != nil {
		_ = s.engine.Close()
	}
}
