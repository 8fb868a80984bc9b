package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"gapless/internal/update"
)

// state is how far a step is.
type state int

const (
	statePending state = iota
	stateRunning
	stateDone
	stateFailed
	stateUndoing
	stateUndone
	stateUndoFailed
)

// marks show the states, and colors colour them.
var (
	marks  = map[state]string{statePending: "·", stateRunning: "▸", stateDone: "✓", stateFailed: "✗", stateUndoing: "↶", stateUndone: "↩", stateUndoFailed: "✗"}
	colors = map[state]string{statePending: "2", stateRunning: "36", stateDone: "32", stateFailed: "31", stateUndoing: "33", stateUndone: "33", stateUndoFailed: "31"}
)

// row is one step of the checklist, or one part of a step.
type row struct {
	place    update.Place
	phase    string // of the first row of a phase
	number   string
	line     update.Line
	state    state
	begin    time.Time
	duration time.Duration
}

// ttyPainter keeps the plan as a live checklist.
type ttyPainter struct {
	words
	screen  *screen
	result  io.Writer
	plan    *update.Plan
	traffic func() *TrafficFigures
	rows    []row
	begin   time.Time
	now     time.Time
	resumed bool
	over    bool
	answer  string
}

func newTTY(words words, progress, result io.Writer, options Options, color bool) *ttyPainter {
	return &ttyPainter{words: words, screen: &screen{out: progress, size: options.Size, color: color}, result: result, plan: options.Plan, traffic: options.Traffic}
}

func (t *ttyPainter) start(now time.Time) {
	t.begin, t.now = now, now
	if t.plan == nil {
		return
	}
	if isEmpty(t.plan) {
		t.screen.print(t.upToDate(t.plan))
		return
	}
	head, _, _ := strings.Cut(t.plan.Text(), "\n")
	t.screen.print(t.show(head))
	for _, note := range t.plan.Notes {
		text := strings.TrimPrefix(note.Service+": "+note.Text, ": ")
		if note.Gap {
			text = "gap: " + text
		}
		t.screen.print(t.show(text))
	}
	phase := ""
	for _, r := range t.plan.Rows() {
		name := r.Phase
		if name == phase {
			name = ""
		}
		phase = r.Phase
		t.rows = append(t.rows, row{place: r.Place, phase: name, number: r.Number(), line: t.line(r.Line)})
	}
	t.draw()
}

func (t *ttyPainter) event(event update.Event) {
	if event.Time.After(t.now) {
		t.now = event.Time
	}
	set := func(to state) { t.set(event, to) }
	switch event.Kind {
	case update.EventStepStarted:
		t.catchUp(event.Step)
		set(stateRunning)
	case update.EventUndoStarted:
		set(stateUndoing)
	case update.EventStepDone:
		set(stateDone)
	case update.EventStepFailed:
		set(stateFailed)
		t.screen.print(fmt.Sprintf("%s %s failed: %s", t.show(event.Line.Verb), t.show(event.Line.Object), t.reason(event)))
	case update.EventUndoDone:
		set(stateUndone)
	case update.EventUndoFailed:
		set(stateUndoFailed)
		t.screen.print(fmt.Sprintf("undo %s %s failed: %s", t.show(event.Line.Verb), t.show(event.Line.Object), t.reason(event)))
	case update.EventProbe:
		t.answer = t.show(event.Line.Object) + ": " + t.show(event.Probe.Answer)
		if event.Probe.InARow > 0 {
			t.answer += fmt.Sprintf(", %d in a row", event.Probe.InARow)
		}
	case update.EventProgress:
		t.answer = t.show(event.Line.Object) + ": " + t.show(event.Text)
	case update.EventRunStarted:
		if event.Time.Before(t.begin) {
			t.begin = event.Time // it was under way before anybody looked
		}
	case update.EventRunEnded, update.EventCommitted:
		t.over = t.over || event.Kind == update.EventRunEnded
	default:
		t.resumed = t.resumed || event.Kind == update.EventResumed
		t.screen.print(t.aboutRun(event))
	}
	t.draw()
}

func (t *ttyPainter) tick(now time.Time) {
	if t.over || len(t.rows) == 0 {
		return
	}
	t.now = now
	t.draw()
}

func (t *ttyPainter) finish(outcome Outcome) {
	if isEmpty(t.plan) {
		return // it was said at the start
	}
	t.over = true
	t.draw()
	t.screen.leave()
	if outcome.Failure != nil {
		fmt.Fprint(t.screen.out, t.failure(outcome.Failure))
	}
	fmt.Fprint(t.result, t.receipt(outcome.Receipt))
}

// draw paints the checklist and, while it goes on, the line of what happens.
func (t *ttyPainter) draw() {
	if len(t.rows) == 0 {
		return
	}
	columns, height := t.screen.bounds()
	var footer []styled
	if !t.over {
		footer = t.footer()
	}
	var lines []styled
	from, to := t.window(height - len(footer))
	for i := from; i < to; i++ {
		lines = append(lines, t.rowLine(i, columns))
	}
	t.screen.draw(append(lines, footer...))
}

// window picks the rows that fit, around the one at work.
func (t *ttyPainter) window(height int) (from, to int) {
	if len(t.rows) <= height {
		return 0, len(t.rows)
	}
	active := 0
	for i, row := range t.rows {
		if row.state != statePending {
			active = i
		}
		if row.state == stateRunning || row.state == stateUndoing {
			break
		}
	}
	from = min(max(active-height/2, 0), len(t.rows)-height)
	return from, from + height
}

// rowLine lays one row out. What does not fit is left out from the right; the
// time stays.
func (t *ttyPainter) rowLine(index, columns int) styled {
	row := t.rows[index]
	took := ""
	switch {
	case row.state == stateRunning || row.state == stateUndoing:
		took = sayDuration(t.now.Sub(row.begin).Truncate(100 * time.Millisecond))
	case row.state != statePending && row.duration > 0:
		took = sayDuration(row.duration)
	}
	text := fmt.Sprintf("%s %2s %-8s %s", marks[row.state], row.number, row.line.Verb, row.line.Object)
	if columns >= 60 {
		text = fmt.Sprintf("%s %-8s %2s %-8s %s", marks[row.state], row.phase, row.number, row.line.Verb, row.line.Object)
		if row.line.Detail != "" {
			text += "  " + row.line.Detail
		}
		if row.line.Reason != "" {
			text += "  (" + row.line.Reason + ")"
		}
	}
	room := columns - 1
	if took != "" {
		room -= widthOf(took) + 2
		text = fit(text, room)
		text += strings.Repeat(" ", max(0, min(room, 96)-widthOf(text))) + "  " + took
	}
	return styled{text: fit(text, columns-1), color: colors[row.state]}
}

// footer says the time, the traffic and the last answer of a probe.
func (t *ttyPainter) footer() []styled {
	line := sayDuration(t.now.Sub(t.begin).Truncate(100 * time.Millisecond))
	if t.traffic != nil {
		if figures := t.traffic(); figures != nil {
			line += "  " + trafficText(*figures)
		}
	}
	lines := []styled{{text: line}}
	if t.answer != "" {
		lines = append(lines, styled{text: t.answer, color: "2"})
	}
	return lines
}
