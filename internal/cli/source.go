package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gapless/internal/journal"
	"gapless/internal/source"
	"gapless/internal/update"
)

// sourceFlags say which revision an update is made from.
type sourceFlags struct {
	pull bool
	ref  string
}

func (f sourceFlags) moves() bool { return f.pull || f.ref != "" }

// check refuses flags that contradict each other.
func (f sourceFlags) check(dryRun bool) error {
	switch {
	case f.pull && f.ref != "":
		return &exitStatus{code: exitError, err: errors.New("--pull and --ref exclude each other"), hint: "--ref BRANCH fetches too"}
	case f.moves() && dryRun:
		return &exitStatus{code: exitError, err: errors.New("--dry-run touches nothing, --pull and --ref move the checkout"), hint: "git pull --ff-only, then gapless plan"}
	}
	return nil
}

// fromSource moves the checkout as the flags say and acts on what is there
// then. If that comes to nothing, the checkout goes back.
func (s *session) fromSource(ctx context.Context, flags sourceFlags, act func() error) error {
	if !flags.moves() {
		return act()
	}
	checkout, err := source.Open(ctx, s.project.Directory)
	if err != nil {
		return sourceError(err)
	}
	if err := checkout.Clean(ctx); err != nil {
		return sourceError(err)
	}
	target, move := "", checkout.Forward
	if flags.pull {
		target, err = checkout.Upstream(ctx)
	} else {
		target, err = checkout.Find(ctx, flags.ref)
		move = checkout.Detach
	}
	if err != nil {
		return sourceError(err)
	}
	return s.moved(ctx, checkout, target, move, func() error {
		if err := s.reload(ctx); err != nil {
			return err
		}
		return act()
	})
}

// moved puts the checkout at a commit for the time of an act, and leaves it
// there if the act succeeds. Where it was is on disk before it moves: whoever
// comes after a crash can bring it back.
func (s *session) moved(ctx context.Context, checkout *source.Checkout, target string, move func(context.Context, string) error, act func() error) error {
	before, err := checkout.Revision(ctx)
	if err != nil {
		return sourceError(err)
	}
	if before.Commit == target {
		fmt.Fprintf(s.app.err, "source: %s stays at %s\n", checkout.Directory, before.Short())
		return act()
	}
	kept := update.Move{Before: before, To: target}
	if err := s.lock.SaveMove(kept); err != nil {
		return err
	}
	if err = move(ctx, target); err != nil {
		err = sourceError(err)
	} else {
		fmt.Fprintf(s.app.err, "source: %s goes from %s to %s\n", checkout.Directory, before.Short(), update.Revision{Commit: target}.Short())
		err = act()
	}
	if err == nil {
		return s.lock.DropMove()
	}
	if entries, journalErr := s.store.Unfinished(); journalErr != nil || len(entries) > 0 {
		return err // the run is not over: it may still go forward
	}
	s.takeBack(context.WithoutCancel(ctx), kept)
	return err
}

// takeBack brings a checkout back to where it was, and says so. It cannot make
// matters worse: what it may not touch stays, and is said.
func (s *session) takeBack(ctx context.Context, move update.Move) {
	checkout, err := source.Open(ctx, move.Before.Directory)
	if err == nil {
		err = checkout.Restore(ctx, move.Before, move.To)
	}
	if err != nil {
		fmt.Fprintf(s.app.err, "warning: the checkout was not put back to %s: %s\n", move.Before.Short(), escaped(err.Error()))
	} else {
		fmt.Fprintf(s.app.err, "source: %s is back at %s\n", move.Before.Directory, move.Before.Short())
	}
	if err := s.lock.DropMove(); err != nil {
		fmt.Fprintln(s.app.err, "warning: "+err.Error())
	}
}

// settleSource ends the move of a checkout whose process died: it stays if the
// update made it, else it goes back. An unfinished run settles it later.
func (s *session) settleSource(ctx context.Context) error {
	move, err := s.store.Move()
	if errors.Is(err, journal.ErrNoMove) {
		return nil
	}
	if err != nil {
		return refuse(err, "")
	}
	if entries, err := s.unfinished(); err != nil || len(entries) > 0 {
		return err
	}
	newest, err := s.store.Newest()
	if err != nil && !noRelease(err) {
		return refuse(err, "")
	}
	if newest.Revision != nil && newest.Revision.Commit == move.To {
		return s.lock.DropMove()
	}
	s.takeBack(ctx, move)
	return nil
}

// settledSource settles, and reads the files again if there was something to
// settle.
func (s *session) settledSource(ctx context.Context) error {
	if _, err := s.store.Move(); errors.Is(err, journal.ErrNoMove) {
		return nil
	}
	if err := s.settleSource(ctx); err != nil {
		return err
	}
	return s.reload(ctx)
}

// describeWait bounds the look at a revision that is only written down.
const describeWait = 10 * time.Second

// revision is what the checkout of the project is at; nil if there is none, or
// git does not say it in time.
func (s *session) revision(ctx context.Context) *update.Revision {
	ctx, cancel := context.WithTimeout(ctx, describeWait)
	defer cancel()
	checkout, err := source.Open(ctx, s.project.Directory)
	if err != nil {
		return nil
	}
	revision, err := checkout.Revision(ctx)
	if err != nil {
		return nil
	}
	return &revision
}

// sourceError tells what is refused from what went wrong. In both cases
// nothing was touched.
func sourceError(err error) error {
	var refused *source.RefusedError
	switch {
	case errors.As(err, &refused):
		return refuse(err, refused.Advice)
	case errors.Is(err, source.ErrNoGit), errors.Is(err, source.ErrNoCheckout):
		return refuse(err, "--pull, --ref and --checkout work on a git checkout; without them gapless takes the files as they are")
	}
	return err
}
