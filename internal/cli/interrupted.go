package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/project"
	"gapless/internal/update"
)

// openAnyway opens a project for a command that must work although the compose
// files may be broken by now: what it needs is in a pending release, or in the
// edge.
func (a *app) openAnyway(ctx context.Context) (*session, error) {
	s, err := a.open(ctx)
	if err == nil {
		return s, nil
	}
	name, projectDirectory := project.Identify(a.projectOptions())
	directory, stateErr := stateDirectory()
	if stateErr != nil || name == "" || name != filepath.Base(name) {
		return nil, err
	}
	if _, stateErr := os.Lstat(filepath.Join(directory, "projects", name)); stateErr != nil {
		return nil, err // never updated: the compose file is all there is
	}
	p := &project.Project{Name: name, Directory: projectDirectory, Compose: &types.Project{Name: name, WorkingDir: projectDirectory}}
	return &session{app: a, project: p, unreadable: err}, nil
}

// useRecorded binds the session to the project that the run works on.
func (s *session) useRecorded(ctx context.Context, run string) error {
	release, err := s.store.Pending(run)
	if noRelease(err) {
		release, err = s.store.Newest() // the commit made it a release
		if err == nil && release.Run != run {
			err = fmt.Errorf("run %s has no record of its project", run)
		}
	}
	if err != nil && s.unreadable != nil {
		return &exitStatus{code: exitHeld, err: errors.Join(err, s.unreadable), hint: "mend the compose file first: the record of the project is not there"}
	}
	if err != nil {
		return nil // the compose file has to do
	}
	p, err := renderedProject(ctx, release, s.project.Directory)
	if err != nil {
		return &exitStatus{code: exitHeld, err: err}
	}
	s.use(p)
	return nil
}

// observeRun looks at what the end of a run needs to know. Sources are not
// read: nothing is compared any more, and they may be gone.
func (s *session) observeRun(ctx context.Context) (update.State, error) {
	containers, err := s.bench.Look(ctx)
	if err != nil {
		return update.State{}, fmt.Errorf("look at the containers: %w", err)
	}
	state := update.State{Containers: containers}
	state.Routes, err = s.routes(ctx, containers)
	return state, err
}
