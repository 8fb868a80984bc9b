package cli

import (
	"context"
	"errors"
	"strings"

	"gapless/internal/front"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// newScreen opens the output of a run.
func (s *session) newScreen(ctx context.Context, plan *update.Plan) (*ui.Renderer, error) {
	renderer, err := ui.New(ui.Options{
		Mode: ui.Mode(s.app.flags.progress), Color: s.app.flags.color,
		Progress: s.app.err, Result: s.app.out, Plan: plan,
		Traffic: s.trafficFigures(ctx), Redactor: ui.NewRedactor(s.project.Secrets()...),
	})
	if err != nil {
		return nil, &exitStatus{code: exitError, err: err}
	}
	return renderer, nil
}

// outcomeText is what a renderer is told at the end.
func (r *runner) outcomeText(ctx context.Context, outcome update.Outcome, receipt update.Receipt) ui.Outcome {
	shown := ui.Outcome{Run: r.run.Env.Run, Receipt: receipt}
	cause := outcome.Cause
	if outcome.Stuck != nil {
		cause = errors.Join(outcome.Stuck, cause)
	}
	if cause == nil {
		return shown
	}
	shown.Failure = &ui.Failure{
		Err: cause, Step: outcome.Failed.Step, Undone: outcome.Undone,
		Serves: strings.Join(r.session.serving(ctx), "; "), Next: nextCommands(outcome),
	}
	if row, found := r.run.Plan.Row(outcome.Failed); found {
		shown.Failure.Line = row.Line
	}
	return shown
}

// nextCommands are what a person can do after a run that did not go well.
func nextCommands(outcome update.Outcome) []string {
	var unbacked *update.BackupError
	var unread *front.IncludeError
	var unrestored *update.RestoreError
	switch {
	case outcome.Watch != nil && outcome.Watch.Verdict == update.VerdictHeld && outcome.Result == update.ResultHeld:
		return []string{"gapless status", "gapless resume   goes on watching, once the cause is removed", "gapless abort   goes back to the old version"}
	case outcome.Result == update.ResultHeld:
		return []string{"gapless status", "gapless resume   once the cause is removed"}
	case errors.Is(outcome.Cause, update.ErrInterrupted):
		return []string{"gapless update"}
	case outcome.Result == update.ResultCommitted:
		return []string{"gapless status"}
	case errors.As(outcome.Cause, &unbacked):
		next := []string{"gapless update   once the cause is removed", "gapless update --no-backup   to migrate without one"}
		if _, hint := codeAndHint(unbacked.Err); hint != "" {
			return append([]string{hint}, next...)
		}
		return next
	case errors.As(outcome.Cause, &unread):
		return []string{unread.Hint(), "gapless update   once the cause is removed"}
	case errors.As(outcome.Cause, &unrestored):
		next := []string{"gapless rollback --restore-data   once the cause is removed"}
		if _, hint := codeAndHint(unrestored.Err); hint != "" {
			return append([]string{hint}, next...)
		}
		return next
	default:
		return []string{"gapless logs", "gapless update   once the cause is removed"}
	}
}
