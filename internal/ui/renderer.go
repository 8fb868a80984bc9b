package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"gapless/internal/update"
)

// Mode is how an update is shown.
type Mode string

// The modes of --progress.
const (
	ModeAuto  Mode = "auto" // tty on a terminal, plain elsewhere
	ModeTTY   Mode = "tty"
	ModePlain Mode = "plain"
	ModeJSON  Mode = "json"
	ModeQuiet Mode = "quiet"
)

// Options say what is shown where.
type Options struct {
	Mode     Mode
	Progress io.Writer // usually stderr
	Result   io.Writer // the receipt, and all of JSON; usually stdout. nil: Progress
	Plan     *update.Plan
	Traffic  func() *TrafficFigures       // asked now and then, must answer at once; nil, or an answer of nil: no traffic is shown
	Redactor *Redactor                    // nil: nothing is taken out
	Color    string                       // "auto", "always" or "never"; empty: auto
	Size     func() (columns, rows int)   // of the terminal; nil: asked of Progress
	Getenv   func(variable string) string // nil: os.Getenv
}

// TrafficFigures are what the edge says about the requests of a run so far.
type TrafficFigures struct {
	PerSecond float64  `json:"requests_per_second"`
	Requests  int64    `json:"requests"`
	Failed    int64    `json:"failed"`
	Held      int64    `json:"held"`     // so far
	HeldNow   int64    `json:"held_now"` // wait at this moment
	Paged     int64    `json:"paged"`    // got the maintenance page
	P95Millis *float64 `json:"p95_ms"`   // nil: not measured
}

// painter is one way to show things. Its methods are called one at a time.
type painter interface {
	start(now time.Time)
	event(event update.Event)
	tick(now time.Time)
	finish(outcome Outcome)
}

// Renderer shows events in the order in which they came. It implements
// update.Sink: Emit returns at once, however slow the reader is.
type Renderer struct {
	painter painter
	output  []*quietWriter
	mu      sync.Mutex
	queue   []any // update.Event or Outcome
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

// tickEvery is the pace of timers and of the traffic line.
const tickEvery = 200 * time.Millisecond

// crowded is the length of the queue from which probes are not shown.
const crowded = 1024

// New starts a renderer. Close must be called.
func New(options Options) (*Renderer, error) {
	r := &Renderer{wake: make(chan struct{}, 1), done: make(chan struct{})}
	if options.Result == nil {
		options.Result = options.Progress
	}
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	file, _ := options.Progress.(*os.File)
	progress, result := &quietWriter{to: options.Progress}, &quietWriter{to: options.Result}
	r.output = []*quietWriter{progress, result}
	painter, err := newPainter(options, file, progress, result)
	if err != nil {
		return nil, err
	}
	r.painter = painter
	go r.run()
	return r, nil
}

// newPainter picks the painter. A checklist that redraws itself needs a
// terminal that can, so that elsewhere even --progress tty is plain.
func newPainter(options Options, file *os.File, progress, result io.Writer) (painter, error) {
	words := words{redactor: options.Redactor}
	terminal := options.Size != nil || isTerminal(file)
	if options.Getenv("TERM") == "dumb" {
		terminal = false
	}
	if options.Size == nil {
		options.Size = func() (int, int) { return terminalSize(file) }
	}
	switch options.Mode {
	case ModeAuto, ModeTTY, "":
		if !terminal {
			return newPlain(words, progress, result, options), nil
		}
		return newTTY(words, progress, result, options, wantsColor(options)), nil
	case ModePlain:
		return newPlain(words, progress, result, options), nil
	case ModeJSON:
		return newJSON(words, result, options), nil
	case ModeQuiet:
		return &quietPainter{words: words, progress: progress, result: result, plan: options.Plan}, nil
	}
	return nil, fmt.Errorf("progress mode %q is unknown; use auto, tty, plain, json or quiet", options.Mode)
}

// wantsColor follows https://no-color.org.
func wantsColor(options Options) bool {
	switch options.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return options.Getenv("NO_COLOR") == ""
}

// Emit implements update.Sink.
func (r *Renderer) Emit(event update.Event) {
	r.put(event, event.Kind == update.EventProbe || event.Kind == update.EventProgress)
}

// Finish shows how the run ended: the receipt, and the failure if there is one.
func (r *Renderer) Finish(outcome Outcome) { r.put(outcome, false) }

func (r *Renderer) put(item any, spare bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || spare && len(r.queue) >= crowded {
		return
	}
	r.queue = append(r.queue, item)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close shows everything that was emitted and returns the first error of
// writing. A reader that went away, as head does, is no error.
func (r *Renderer) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.wake)
	}
	r.mu.Unlock()
	<-r.done
	var failures []error
	for _, output := range r.output {
		failures = append(failures, output.failure())
	}
	return errors.Join(failures...)
}

// run paints until Close.
func (r *Renderer) run() {
	defer close(r.done)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	r.painter.start(time.Now())
	for open := true; open; {
		select {
		case _, open = <-r.wake:
		case now := <-ticker.C:
			r.painter.tick(now)
		}
		r.paint()
	}
}

func (r *Renderer) paint() {
	r.mu.Lock()
	items := r.queue
	r.queue = nil
	r.mu.Unlock()
	for _, item := range items {
		switch item := item.(type) {
		case update.Event:
			r.painter.event(item)
		case Outcome:
			r.painter.finish(item)
		}
	}
}

// words turns foreign text into what may be shown: secrets first, because
// escapes and cuts would hide them from the redactor.
type words struct{ redactor *Redactor }

func (w words) show(text string) string { return clean(w.redactor.Redact(text)) }

func (w words) line(line update.Line) update.Line {
	return update.Line{Verb: w.show(line.Verb), Object: w.show(line.Object), Detail: w.show(line.Detail), Reason: w.show(line.Reason)}
}

// quietWriter stops writing at the first error and remembers it.
type quietWriter struct {
	to  io.Writer
	err error
}

func (q *quietWriter) Write(content []byte) (int, error) {
	if q.err == nil {
		_, q.err = q.to.Write(content)
	}
	return len(content), nil
}

func (q *quietWriter) failure() error {
	if errors.Is(q.err, syscall.EPIPE) || errors.Is(q.err, io.ErrClosedPipe) {
		return nil
	}
	return q.err
}
