package ui

import (
	"fmt"
	"io"
	"time"

	"gapless/internal/update"
)

// quietPainter tells errors and the first line of the receipt.
type quietPainter struct {
	words
	progress io.Writer
	result   io.Writer
	plan     *update.Plan
}

func (q *quietPainter) start(time.Time) {}

func (q *quietPainter) tick(time.Time) {}

func (q *quietPainter) event(event update.Event) {
	if event.Kind == update.EventUndoFailed {
		fmt.Fprintf(q.progress, "undo %s %s failed: %s\n", q.show(event.Line.Verb), q.show(event.Line.Object), q.reason(event))
	}
}

func (q *quietPainter) finish(outcome Outcome) {
	if outcome.Failure != nil {
		fmt.Fprint(q.progress, q.failure(outcome.Failure))
	}
	if isEmpty(q.plan) {
		fmt.Fprintln(q.result, q.upToDate(q.plan))
		return
	}
	fmt.Fprintln(q.result, q.receiptHead(outcome.Receipt))
}

// reason says why something failed.
func (w words) reason(event update.Event) string {
	if event.Err != nil {
		return w.show(event.Err.Error())
	}
	return w.show(event.Text)
}
