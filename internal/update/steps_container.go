package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// StartStep creates one container of a service under a name that the plan
// chose, and starts it. Until KeepStep it does not come back after a crash of
// the host, so that the old version does.
type StartStep struct {
	Service string        `json:"service"`
	Name    string        `json:"name"`
	Number  int           `json:"number"`
	Inherit string        `json:"inherit,omitempty"`
	Release int           `json:"release"`
	Grace   time.Duration `json:"graceNs,omitempty"` // between its stop signal and SIGKILL, in an undo
	Detail  string        `json:"detail,omitempty"`
}

// Do creates and starts.
func (s *StartStep) Do(ctx context.Context, env *Env) error {
	spec := CreateSpec{Service: s.Service, Name: s.Name, Number: s.Number, Inherit: s.Inherit, Run: env.Run, Release: s.Release}
	if err := env.Creator.Create(ctx, spec); err != nil {
		return fmt.Errorf("create %s: %w", s.Name, err)
	}
	if err := env.Containers.Start(ctx, s.Name); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	return nil
}

// Undo removes the container, also one that dockerd still creates for a
// request whose sender is dead. It is stopped by its own stop signal first,
// because a worker may hold a job.
func (s *StartStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err == nil && c.Run == env.Run && c.Running {
		if err := stopContainer(ctx, env, c, cmp.Or(s.Grace, undoGrace)); err != nil {
			return err
		}
	}
	return env.Creator.Fence(ctx, s.Name, env.Run)
}

// Line implements Step.
func (s *StartStep) Line() Line {
	return Line{Verb: "start", Object: s.Name, Detail: s.Detail}
}

// undoGrace is the grace of a container that says none.
const undoGrace = 10 * time.Second

// KeepStep gives a new container that passed its gate the restart policy of
// the compose file, and takes it from its predecessor: at every moment one of
// the two comes back after a loss of power.
type KeepStep struct {
	Name    string   `json:"name"`
	Restart string   `json:"restart"`
	Instead []string `json:"instead,omitempty"` // stopped predecessors that would come back
}

// Do sets the policies, that of the new container first.
func (s *KeepStep) Do(ctx context.Context, env *Env) error {
	if err := env.Containers.SetRestart(ctx, s.Name, s.Restart); err != nil {
		return err
	}
	for _, name := range s.Instead {
		if err := env.Containers.SetRestart(ctx, name, "no"); err != nil {
			return err
		}
	}
	return nil
}

// Undo sets them back, that of the new container last.
func (s *KeepStep) Undo(ctx context.Context, env *Env) error {
	for _, name := range s.Instead {
		if err := ignoreMissing(env.Containers.SetRestart(ctx, name, bootPolicy)); err != nil {
			return err
		}
	}
	return ignoreMissing(env.Containers.SetRestart(ctx, s.Name, "no"))
}

// Line implements Step.
func (s *KeepStep) Line() Line {
	return Line{Verb: "keep", Object: s.Name, Detail: "restart " + s.Restart}
}

// bootPolicy lets a container that was stopped on purpose come back when the
// host starts again, and not before: a stop by its stop signal cancels the
// restart until then.
const bootPolicy = "always"

// StopStep stops an old container and leaves it there, to be started again if
// the release fails.
type StopStep struct {
	Service string        `json:"service"`
	Name    string        `json:"name"`
	ID      string        `json:"id"`
	Signal  string        `json:"signal"`
	Grace   time.Duration `json:"graceNs"`
	Restart string        `json:"restart"` // its own policy, for the undo
	// UndoRoute makes the container known to the edge while the undo waits for
	// its gate; nil where no requests come through the edge.
	UndoRoute *RouteState `json:"undoRoute,omitempty"`
	Gate      *GateSpec   `json:"gate,omitempty"` // that the undo waits for
	// Successors must run before this container may stop.
	Successors []string `json:"successors,omitempty"`
	// Boots says that nothing else comes back yet after a loss of power.
	Boots bool   `json:"boots,omitempty"`
	Why   string `json:"why,omitempty"`
}

// Do takes the restart policy away, signals and polls. It never uses the
// blocking stop of the engine, which goes on after the death of its client.
func (s *StopStep) Do(ctx context.Context, env *Env) error {
	c, err := lookAtOld(ctx, env, s.Name, s.ID)
	if errors.Is(err, ErrNoContainer) {
		s.noticeGone(env)
		return nil
	}
	if err != nil {
		return err
	}
	if err := requireRunning(ctx, env, s.Successors); err != nil {
		return err
	}
	policy := "no"
	if s.Boots && s.Restart != "no" && s.Restart != "" {
		policy = bootPolicy
	}
	if err := env.Containers.SetRestart(ctx, s.Name, policy); errors.Is(err, ErrNoContainer) {
		s.noticeGone(env)
		return nil
	} else if err != nil {
		return err
	}
	c.StopSignal = s.Signal
	return stopContainer(ctx, env, c, s.Grace)
}

// noticeGone says that somebody else removed the container, as docker compose
// up does: it is down.
func (s *StopStep) noticeGone(env *Env) {
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
		Text: s.Name + " is gone: somebody else removed it during the update"})
}

// Undo starts the old container again and waits until it is healthy.
func (s *StopStep) Undo(ctx context.Context, env *Env) error {
	c, err := env.Containers.Inspect(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("start %s again: %w", s.Name, err)
	}
	if c.Running && c.ID != s.ID {
		return s.serveAgain(ctx, env) // somebody else's doing, which the end of the update tells
	}
	if err := s.startAgain(ctx, env, c); err != nil {
		return fmt.Errorf("start %s again: %w", s.Name, err)
	}
	if err := env.Containers.SetRestart(ctx, s.Name, s.Restart); err != nil {
		return err
	}
	return s.serveAgain(ctx, env)
}

// serveAgain tells the edge where the old container is now, and waits until it
// answers.
func (s *StopStep) serveAgain(ctx context.Context, env *Env) error {
	if s.UndoRoute != nil {
		if err := setRoutes(ctx, env, RouteMove{Service: s.Service, After: s.UndoRoute}); err != nil {
			return err
		}
	}
	return s.tryOld(ctx, env)
}

// tryOld waits until the old container answers. One that runs and does not
// answer as hoped is no reason to stop the way back: it served before.
func (s *StopStep) tryOld(ctx context.Context, env *Env) error {
	if s.Gate == nil {
		return nil
	}
	err := env.Gate.Gate(ctx, *s.Gate, func(Probe) {})
	var gate *GateError
	if !errors.As(err, &gate) {
		return err
	}
	if c, lookErr := env.Containers.Inspect(ctx, s.Name); lookErr != nil || !c.Running {
		return err
	}
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
		Text: s.Name + " runs again and does not answer as hoped: " + err.Error()})
	return nil
}

// startAgain settles a signal that may be on its way and starts the
// container unless it never stopped.
func (s *StopStep) startAgain(ctx context.Context, env *Env, c Container) error {
	if c.Restart == s.Restart && c.Restart != "no" && c.Restart != bootPolicy && c.Running {
		return nil // the stop never began: its first act is to change the policy
	}
	if err := env.Containers.SettleStop(ctx, s.Name, s.Grace); err != nil {
		return err
	}
	return env.Containers.Start(ctx, s.Name)
}

// Line implements Step.
func (s *StopStep) Line() Line {
	return Line{Verb: "stop", Object: s.Name, Detail: "at most " + DurationText(s.Grace), Reason: s.Why}
}

// RenameStep frees the name of a stopped container for its successor.
type RenameStep struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Do renames.
func (s *RenameStep) Do(ctx context.Context, env *Env) error {
	return env.Creator.Rename(ctx, s.Old, s.New)
}

// Undo renames back.
func (s *RenameStep) Undo(ctx context.Context, env *Env) error {
	return env.Creator.Rename(ctx, s.New, s.Old)
}

// Line implements Step.
func (s *RenameStep) Line() Line {
	return Line{Verb: "rename", Object: s.Old, Detail: "to " + s.New, Reason: "container_name is needed by its successor"}
}

// RemoveStep removes an old container. It stands after the commit point only,
// because it cannot be undone.
type RemoveStep struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Stopped says that the plan stops it before. If it runs all the same, that
	// was refused, because its successor does not run.
	Stopped bool `json:"stopped,omitempty"`
}

// Do removes the container by its ID, so that a namesake is safe.
func (s *RemoveStep) Do(ctx context.Context, env *Env) error {
	if s.Stopped {
		c, err := env.Containers.Inspect(ctx, s.Name)
		if ignoreMissing(err) != nil {
			return err
		}
		if err == nil && c.ID == s.ID && c.Running {
			return fmt.Errorf("%s was not stopped: it stays", s.Name)
		}
	}
	return env.Creator.Remove(ctx, s.ID)
}

// Undo has nothing that it could do.
func (s *RemoveStep) Undo(context.Context, *Env) error { return nil }

// Line implements Step.
func (s *RemoveStep) Line() Line {
	return Line{Verb: "remove", Object: s.Name, Detail: "not undoable"}
}

// stopPoll is the time between two looks at a container that is to stop.
const stopPoll = 20 * time.Millisecond

// stopContainer signals a container and polls until it is down; after the
// grace it is killed.
func stopContainer(ctx context.Context, env *Env, c Container, grace time.Duration) error {
	signal := c.StopSignal
	if signal == "" {
		signal = "SIGTERM"
	}
	if err := env.Containers.Signal(ctx, c.Name, signal); err != nil {
		return ignoreMissing(err)
	}
	down, err := waitDown(ctx, env, c.Name, grace)
	if err != nil || down {
		return err
	}
	if err := env.Containers.Signal(ctx, c.Name, "SIGKILL"); err != nil {
		return ignoreMissing(err)
	}
	down, err = waitDown(ctx, env, c.Name, killWait)
	if err == nil && !down {
		return fmt.Errorf("%s does not stop, not even after SIGKILL", c.Name)
	}
	return err
}

// killWait bounds the wait after SIGKILL, which only a stuck kernel exceeds.
const killWait = 30 * time.Second

// waitDown polls until the container does not run, at most for the time. An
// engine that does not answer meanwhile, as a busy one about a container that
// is just ending, is asked again.
func waitDown(ctx context.Context, env *Env, name string, atMost time.Duration) (bool, error) {
	return waitDownLooking(ctx, env, name, atMost, nil)
}

// waitDownLooking is waitDown that looks at something else meanwhile.
func waitDownLooking(ctx context.Context, env *Env, name string, atMost time.Duration, look func(context.Context)) (bool, error) {
	end := env.Clock.Now().Add(atMost)
	for {
		c, err := env.Containers.Inspect(ctx, name)
		if errors.Is(err, ErrNoContainer) {
			return true, nil
		}
		over := !env.Clock.Now().Before(end)
		switch {
		case err != nil && (over || env.Unavailable == nil || !env.Unavailable(err)):
			return false, err
		case err == nil && !c.Running && !c.Restarting:
			return true, nil
		case over:
			return false, nil
		}
		if look != nil {
			look(ctx)
		}
		if err := env.Clock.Sleep(ctx, stopPoll); err != nil {
			return false, err
		}
	}
}

// ignoreMissing makes "no such container" a success.
func ignoreMissing(err error) error {
	if errors.Is(err, ErrNoContainer) {
		return nil
	}
	return err
}
