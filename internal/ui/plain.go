package ui

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"gapless/internal/update"
)

// heartbeatEvery is the longest silence of plain output; many CI systems take
// a longer one for a hang.
const heartbeatEvery = 30 * time.Second

// slowAfter is how long a step may take before its start is told too.
const slowAfter = 2 * time.Second

// plainPainter writes one line per change, with its time.
type plainPainter struct {
	words
	progress io.Writer
	result   io.Writer
	plan     *update.Plan
	traffic  func() *TrafficFigures
	spoke    time.Time         // the last line
	running  []update.Event    // steps and parts under way
	told     bool              // that what is under way started
	answer   string            // the last one of a probe
	far      string            // how far the step under way is
	shown    map[string]string // by container: its last answer without what always changes
}

func newPlain(words words, progress, result io.Writer, options Options) *plainPainter {
	return &plainPainter{words: words, progress: progress, result: result, plan: options.Plan, traffic: options.Traffic, shown: map[string]string{}}
}

func (p *plainPainter) say(now time.Time, format string, arguments ...any) {
	p.spoke = now
	fmt.Fprintf(p.progress, "%s %s\n", now.Format(time.RFC3339), fmt.Sprintf(format, arguments...))
}

func (p *plainPainter) start(now time.Time) {
	p.spoke = now
	if p.plan == nil {
		return
	}
	for line := range strings.Lines(p.plan.Text()) {
		fmt.Fprintln(p.progress, p.show(strings.TrimRight(line, "\n")))
	}
	if isEmpty(p.plan) {
		fmt.Fprintln(p.progress, p.upToDate(p.plan))
	}
}

// isEmpty tells a plan without steps from one that is not known.
func isEmpty(plan *update.Plan) bool { return plan != nil && plan.Empty() }

// upToDate says that what runs is what is wanted.
func (w words) upToDate(plan *update.Plan) string {
	return fmt.Sprintf("%s: nothing to do, release %s is what the project asks for", w.show(plan.Project), releaseNumber(plan.From))
}

// position says which step of how many.
func (p *plainPainter) position(step int) string {
	if p.plan == nil {
		return fmt.Sprintf("step %d", step)
	}
	return fmt.Sprintf("step %d/%d", step, len(p.plan.Steps()))
}

func (p *plainPainter) event(event update.Event) {
	line := p.line(event.Line)
	what := strings.TrimSpace(p.position(event.Step) + " " + line.Verb + " " + line.Object)
	switch event.Kind {
	case update.EventStepStarted, update.EventUndoStarted:
		p.began(event)
	case update.EventStepDone:
		p.ended(event)
		p.say(event.Time, "%s: done in %s", what, sayDuration(event.Duration))
	case update.EventStepFailed:
		p.ended(event)
		p.say(event.Time, "%s: FAILED after %s: %s", what, sayDuration(event.Duration), p.reason(event))
	case update.EventUndoDone:
		p.ended(event)
		p.say(event.Time, "%s: undone in %s", what, sayDuration(event.Duration))
	case update.EventUndoFailed:
		p.ended(event)
		p.say(event.Time, "%s: UNDO FAILED: %s", what, p.reason(event))
	case update.EventProbe:
		p.probe(event, line)
	case update.EventProgress:
		p.progressed(event)
	default:
		if text := p.aboutRun(event); text != "" {
			p.say(event.Time, "%s", text)
		}
	}
}

// began notes that a step, or a part of one, is under way.
func (p *plainPainter) began(event update.Event) {
	if len(p.running) == 0 || p.running[0].Step != event.Step {
		p.running, p.told, p.answer, p.far, p.shown = nil, false, "", "", map[string]string{}
	}
	p.running = append(p.running, event)
}

// ended notes that it is not any more.
func (p *plainPainter) ended(event update.Event) {
	p.running = slices.DeleteFunc(p.running, func(r update.Event) bool {
		return r.Place() == event.Place() || event.Part == 0
	})
}

// aboutRun says what happened to the run as a whole.
func (w words) aboutRun(event update.Event) string {
	text := w.show(event.Text)
	suffix := ""
	if text != "" {
		suffix = ": " + text
	}
	switch event.Kind {
	case update.EventRunStarted:
		return "run " + w.show(event.Run) + " started" + suffix
	case update.EventResumed:
		return "run " + w.show(event.Run) + " goes on where it was interrupted" + suffix
	case update.EventNotice:
		return text
	case update.EventUndoing:
		return "undoing what was done" + suffix
	case update.EventCommitted:
		return "committed: the new release is in force" + suffix
	case update.EventInterrupting:
		return "interrupted: this step is finished, then everything is undone; press Ctrl-C again to stop now" + suffix
	case update.EventRunEnded:
		return "run " + w.show(event.Run) + " ended: " + strings.ReplaceAll(string(event.Result), "_", " ") + suffix
	}
	return ""
}

// measured is the part of an answer that is different each time.
var measured = regexp.MustCompile(`\d+(\.\d+)? m?s\b`)

// probe tells an answer that is not the same as the one before.
func (p *plainPainter) probe(event update.Event, line update.Line) {
	p.answer = p.show(event.Probe.Answer)
	if key := measured.ReplaceAllString(p.answer, ""); key != p.shown[line.Object] {
		p.shown[line.Object] = key
		p.say(event.Time, "%s %s: %s", line.Verb, line.Object, p.answer)
	}
}

// farEvery is how often a long step is told again.
const farEvery = 10 * time.Second

// progressed tells how far a step is, now and then.
func (p *plainPainter) progressed(event update.Event) {
	p.far = p.show(event.Text)
	if event.Time.Sub(p.spoke) >= farEvery {
		p.say(event.Time, "%s %s: %s", event.Line.Verb, p.show(event.Line.Object), p.far)
	}
}

func (p *plainPainter) tick(now time.Time) {
	if len(p.running) > 0 && !p.told && now.Sub(p.running[0].Time) >= slowAfter {
		p.told = true
		for _, event := range p.running {
			line := p.line(event.Line)
			verb := line.Verb
			if event.Kind == update.EventUndoStarted {
				verb = "undo " + verb
			}
			p.say(now, "%s %s %s: under way", p.position(event.Step), verb, line.Object)
		}
	}
	figures := p.figures() // asked each time, so that those of a heartbeat are fresh
	if now.Sub(p.spoke) < heartbeatEvery {
		return
	}
	text := "still at work"
	if len(p.running) > 0 {
		line := p.line(p.running[0].Line)
		text = fmt.Sprintf("still at %s %s for %s", line.Verb, line.Object, sayDuration(now.Sub(p.running[0].Time)))
	}
	if p.far != "" {
		text += ", " + p.far
	}
	if p.answer != "" {
		text += ", last answer: " + p.answer
	}
	if figures != nil {
		text += "; " + trafficText(*figures)
	}
	p.say(now, "%s", text)
}

func (p *plainPainter) finish(outcome Outcome) {
	if isEmpty(p.plan) {
		return // it was said at the start
	}
	if outcome.Failure != nil {
		fmt.Fprint(p.progress, p.failure(outcome.Failure))
	}
	fmt.Fprint(p.result, p.receipt(outcome.Receipt))
}

// figures are those of the traffic; nil where nothing is known of it.
func (p *plainPainter) figures() *TrafficFigures {
	if p.traffic == nil {
		return nil
	}
	return p.traffic()
}

// trafficText says the figures of the edge in one line.
func trafficText(figures TrafficFigures) string {
	text := fmt.Sprintf("%.0f requests/s, %s failed, %s held now", figures.PerSecond, grouped(figures.Failed), grouped(figures.HeldNow))
	if figures.Paged > 0 {
		text += ", " + grouped(figures.Paged) + " got the maintenance page"
	}
	if figures.P95Millis != nil {
		text += ", p95 " + millis(*figures.P95Millis)
	}
	return text
}
