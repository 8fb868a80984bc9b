package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
	"gapless/internal/front"
	"gapless/internal/health"
	"gapless/internal/migrate"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// runner is one update, or the end of one, under way.
type runner struct {
	session *session
	screen  *ui.Renderer
	meter   *meter
	run     *update.Run
}

// newRunner wires the parts of a run.
func (s *session) newRunner(ctx context.Context, plan *update.Plan, runID string, screen *ui.Renderer, meter *meter) (*runner, error) {
	if err := s.syncEdge(ctx); err != nil {
		return nil, err
	}
	log, err := s.lock.Journal()
	if err != nil {
		return nil, &exitStatus{code: exitHeld, err: err, hint: "nothing was touched; gapless status says what serves"}
	}
	if err := s.lock.SetRun(runID); err != nil {
		return nil, err
	}
	watcher := &watcher{next: screen, plan: plan, phase: meter.mark, gated: func() { meter.sampleMemory(ctx) }, times: map[string]map[string]time.Duration{}}
	env := &update.Env{
		Images: s.bench, Creator: s.bench, Containers: s.bench,
		Router:    s.router(),
		Former:    edgectl.NewRouter(s.edge, s.project.Name, s.installEdge),
		Gate:      health.NewGate(s.engine, s.probe),
		Figures:   figures{s, meter},
		Front:     front.NewNginx(s.engine),
		Databases: migrate.Guards{Terminals: s.bench},
		Recorder:  &recorder{session: s, run: runID, times: watcher.measured},
		Journal:   failpoint(log), Sink: watcher, Clock: wallClock{}, Run: runID, Together: update.Together,
		Unavailable: unavailable,
		Logs:        s.lastLogs,
	}
	if hasBackup(*plan) {
		env.Backups = s.backupsOf(runID, screen)
	}
	if plan.Restored() != "" {
		env.Restores = s.restoresOf(plan, runID)
	}
	return &runner{session: s, screen: screen, meter: meter, run: &update.Run{Plan: plan, Env: env}}, nil
}

// unavailable tells an error that can be gone a moment later: the engine is
// being restarted, or the host is too busy for an answer in time.
func unavailable(err error) bool {
	return engine.Unavailable(err) || errors.Is(err, context.DeadlineExceeded)
}

// lastLogs is the end of a container's log, for a message about its failure.
func (s *session) lastLogs(ctx context.Context, containerName string) []string {
	lines, err := s.engine.Logs(ctx, containerName, 20)
	if err != nil {
		return []string{"(its log cannot be read: " + err.Error() + ")"}
	}
	return lines
}

// newRunID names a run; later ones sort after earlier ones.
func newRunID() string {
	return strings.ToLower(fmt.Sprintf("%011x%s", time.Now().UnixMilli(), rand.Text()[:10]))
}

// interruptible runs an act that the first Ctrl-C asks to undo and the second
// stops at once. A closed terminal is no reason to stop.
func interruptible(ctx context.Context, run *update.Run, act func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	asked := make(chan struct{})
	run.Interrupted = asked
	go func() {
		select {
		case <-signals:
			close(asked)
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return act(ctx)
}

// conclude turns the outcome into the last words and the exit code.
func (r *runner) conclude(ctx context.Context, outcome update.Outcome, err error) error {
	if errors.Is(err, context.Canceled) {
		r.screen.Close()
		return &exitStatus{code: exitInterrupted, err: errors.New("stopped at once; the journal knows what was under way"), hint: "gapless resume brings it to an end"}
	}
	if err != nil {
		r.screen.Close()
		r.tellCutOff(ctx, err)
		return &exitStatus{code: exitHeld, err: fmt.Errorf("the update cannot go on: %w", err), hint: "gapless resume once the cause is removed"}
	}
	receipt := r.meter.stop(ctx, r.run.Plan, outcome)
	if earlier, err := r.session.store.Receipt(r.run.Env.Run); err == nil {
		receipt = receipt.After(earlier) // the run was held, and went on
	}
	r.keep(receipt)
	if outcome.Result != update.ResultCommitted && outcome.Result != update.ResultHeld {
		_ = r.session.lock.DropPending(r.run.Env.Run)
	}
	if receipt.NotTold = r.session.tellEnd(ctx, r.run.Env.Run, outcome); len(receipt.NotTold) > 0 {
		r.keep(receipt)
	}
	r.screen.Finish(r.outcomeText(ctx, outcome, receipt))
	r.screen.Close()
	if outcome.Result == update.ResultCommitted {
		r.session.sayKept(r.run.Plan)
	}
	return exitOf(outcome)
}

// keep keeps the receipt, which says nothing about whether the update went well.
func (r *runner) keep(receipt update.Receipt) {
	if err := r.session.lock.SaveReceipt(r.run.Env.Run, receipt); err != nil {
		fmt.Fprintln(r.session.app.err, "warning: the receipt could not be kept: "+err.Error())
	}
}

// exitOf is the exit code of an outcome whose words were said.
func exitOf(outcome update.Outcome) error {
	var foreign *update.ForeignError
	var migrated *update.MigratedError
	if errors.As(outcome.Cause, &foreign) || errors.As(outcome.Cause, &migrated) && migrated.Breaking() {
		return said(exitUndoFailed)
	}
	switch outcome.Result {
	case update.ResultCommitted:
		return nil
	case update.ResultHeld:
		if outcome.Cause != nil {
			return said(exitUndoFailed)
		}
		return said(exitHeld)
	case update.ResultAborted:
		if errors.Is(outcome.Cause, update.ErrInterrupted) {
			return said(exitInterrupted)
		}
		var check *update.CheckError
		if errors.As(outcome.Cause, &check) {
			return said(exitRefused)
		}
		return said(exitError)
	default:
		if errors.Is(outcome.Cause, update.ErrInterrupted) {
			return said(exitInterrupted)
		}
		return said(exitRolledBack)
	}
}

// wallClock is the real time.
type wallClock struct{}

// Now implements update.Clock.
func (wallClock) Now() time.Time { return time.Now() }

// Sleep implements update.Clock.
func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
