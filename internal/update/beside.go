package update

import (
	"context"
	"errors"
	"fmt"
)

// Beside says how static files are collected while others are served from the
// same place: into a volume of the task's own, from which a second container
// moves them in. No request sees what the command deletes and writes again.
type Beside struct {
	Target  string `json:"target"`  // directory in the container
	Prepare string `json:"prepare"` // names of the two helpers
	Publish string `json:"publish"`
}

// runBeside collects into a volume of its own and publishes what is there.
func (s *TaskStep) runBeside(ctx context.Context, env *Env) (Container, error) {
	spec := s.spec(env)
	spec.Beside = s.Beside.Target
	if err := env.Creator.Create(ctx, spec); err != nil {
		return Container{}, fmt.Errorf("create %s: %w", spec.Name, err)
	}
	made, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return made, err
	}
	if made.Beside == "" {
		s.notice(env, "what the new version has mounted at "+s.Beside.Target+" is not what runs has there: the files are collected in place")
		return runToEnd(ctx, env, spec, s.AtMost, nil)
	}
	err = s.help(ctx, env, s.Beside.Prepare, HelperPrepare)
	var failed *GateError
	if errors.As(err, &failed) {
		return s.runInPlace(ctx, env, made, failed)
	}
	if err != nil {
		return made, err
	}
	ended, err := runToEnd(ctx, env, spec, s.AtMost, nil)
	if err != nil {
		return ended, err
	}
	return ended, s.help(ctx, env, s.Beside.Publish, HelperPublish)
}

// runInPlace collects where files are served, because nothing could be moved in
// there: a file system may not even let root write.
func (s *TaskStep) runInPlace(ctx context.Context, env *Env, made Container, failed *GateError) (Container, error) {
	why := failed.Reason
	if len(failed.Logs) > 0 {
		why = failed.Logs[0]
	}
	s.notice(env, "files cannot be moved into "+s.Beside.Target+", so they are collected in place, and a request for one may fail meanwhile: "+why)
	for _, name := range []string{s.Beside.Prepare, made.ID} { // the user of the volume first
		if err := env.Creator.Remove(ctx, name); err != nil {
			return made, err
		}
	}
	return s.run(ctx, env)
}

// help runs a helper to its end. It goes away before the task does, whose
// volume it uses.
func (s *TaskStep) help(ctx context.Context, env *Env, name, act string) error {
	spec := CreateSpec{Service: s.Service, Name: name, Run: env.Run, Release: s.Release, Helper: &Helper{Act: act, Of: s.Name}}
	ended, err := runToEnd(ctx, env, spec, s.AtMost, nil)
	if err == nil {
		s.clear(ctx, env, ended)
	}
	return err
}

// undoBeside removes the helpers. One that publishes is waited for: what it has
// begun is whole soon, and nobody is served worse by files that are there.
func (s *TaskStep) undoBeside(ctx context.Context, env *Env) error {
	if s.Beside == nil {
		return nil
	}
	if _, err := undoRun(ctx, env, s.Line(), s.Beside.Publish, s.AtMost, nil); err != nil {
		return err
	}
	return env.Creator.Fence(ctx, s.Beside.Prepare, env.Run)
}
