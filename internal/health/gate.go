package health

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"gapless/internal/update"
)

// Engine looks at containers and into them.
type Engine interface {
	// Inspect returns update.ErrNoContainer if there is none of that name.
	Inspect(ctx context.Context, name string) (update.Container, error)
	// Logs returns the last lines of both streams, oldest first.
	Logs(ctx context.Context, name string, tail int) ([]string, error)
	// Exec runs a command in the container and returns what it wrote. The
	// error is about running it, not about its exit code.
	Exec(ctx context.Context, name string, argv []string, timeout time.Duration) (exitCode int, output string, err error)
}

// EdgeProbe sends a request to one container through the edge, the way that
// the requests of users take, without following redirects.
type EdgeProbe func(ctx context.Context, serviceName, containerName string, req *http.Request) (*http.Response, error)

// Gate implements update.Gate.
type Gate struct {
	engine Engine
	edge   EdgeProbe
	mu     sync.Mutex
	paths  map[string]string // health paths that were found, by service name
}

// NewGate makes a gate. The edge probe may be nil if no spec asks for it.
func NewGate(engine Engine, edge EdgeProbe) *Gate {
	return &Gate{engine: engine, edge: edge, paths: map[string]string{}}
}

// The pace of a gate and what stands in for a value that is not given.
const (
	probeEvery       = 100 * time.Millisecond
	probeAtMostEvery = time.Second
	defaultSuccesses = 3
	defaultTimeout   = 5 * time.Second
	defaultDeadline  = 60 * time.Second
	logLines         = 20
	logWait          = 5 * time.Second
)

// answer is what one look found. A hopeless one ends the gate at once.
type answer struct {
	ok       bool
	text     string
	hopeless string
	smoke    bool // of a smoke path that failed
}

// look asks a container once.
type look func(ctx context.Context, c update.Container) answer

// attempt is one gate under way.
type attempt struct {
	spec    update.GateSpec
	engine  Engine
	look    look
	smoke   look // nil: no smoke paths
	pause   func(took time.Duration) time.Duration
	probed  func(update.Probe)
	watched watched
	inARow  int
	last    string
	smoked  bool // last is of a smoke path that failed
}

// Gate returns nil once the container answered well the number of times in a
// row, was up for long enough and stayed the same process all the while. It
// returns a *update.GateError when it did not within the deadline or cannot
// any more, and the error of the context when that ended.
func (g *Gate) Gate(ctx context.Context, spec update.GateSpec, probed func(update.Probe)) error {
	spec = withDefaults(spec)
	a := &attempt{spec: spec, engine: g.engine, probed: probed, pause: steady}
	switch {
	case spec.Kind == update.GateEdge && g.edge == nil:
		return fmt.Errorf("gate %s: no edge is at hand to probe through", spec.Container)
	case spec.Kind == update.GateEdge:
		a.look = g.lookHTTP(spec, g.throughEdge(spec))
		if len(spec.Smoke) > 0 {
			a.smoke = g.smoke(spec, g.throughEdge(spec))
		}
	case spec.Kind == update.GateDirect:
		a.look = g.lookHTTP(spec, sendDirect)
		if len(spec.Smoke) > 0 {
			a.smoke = g.smoke(spec, sendDirect)
		}
	case spec.Kind == update.GateHealthcheck:
		argv, err := testCommand(spec.Test)
		if err != nil {
			return fmt.Errorf("gate %s: %w", spec.Container, err)
		}
		a.look, a.pause = lookRunning, steady
		if argv != nil {
			a.look, a.pause = g.lookExec(spec, argv), relaxed
		}
	case spec.Kind == update.GateRunning:
		a.look = lookRunning
	default:
		return fmt.Errorf("gate %s: kind %q is unknown", spec.Container, spec.Kind)
	}
	return a.run(ctx)
}

func withDefaults(spec update.GateSpec) update.GateSpec {
	if spec.Successes < 1 {
		spec.Successes = defaultSuccesses
	}
	if spec.Timeout <= 0 {
		spec.Timeout = defaultTimeout
	}
	if spec.Deadline <= 0 {
		spec.Deadline = defaultDeadline
	}
	return spec
}

// run looks until the verdict is clear. The deadline is a timer, which a
// change of the wall clock does not touch.
func (a *attempt) run(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, a.spec.Deadline)
	defer cancel()
	for {
		begin := time.Now()
		passed, hopeless := a.round(ctx)
		if err := parent.Err(); err != nil {
			return err
		}
		switch {
		case hopeless != "":
			return a.failure(parent, hopeless)
		case passed && a.smokes(ctx):
			return nil
		}
		select {
		case <-ctx.Done():
			if err := parent.Err(); err != nil {
				return err
			}
			return a.failure(parent, tooLate(a.spec))
		case <-time.After(a.rest(time.Since(begin))):
		}
	}
}

// rest is the time until the next look. A container that has answered often
// enough and only has not been up for long enough is looked at as soon as it has.
func (a *attempt) rest(took time.Duration) time.Duration {
	pause := a.pause(took)
	if ready := time.Until(a.watched.readyAt); a.inARow >= a.spec.Successes && ready > 0 {
		return min(pause, ready)
	}
	return pause
}

// round looks once, between two looks at who the container is. The second
// return value says why no further round can help.
func (a *attempt) round(ctx context.Context) (passed bool, hopeless string) {
	before, trouble := a.observe(ctx)
	if trouble.text != "" || trouble.hopeless != "" {
		a.note(ctx, trouble, 0)
		return false, trouble.hopeless
	}
	begin := time.Now()
	lookContext, cancel := context.WithTimeout(ctx, a.spec.Timeout)
	found := a.look(lookContext, before)
	cancel()
	took := time.Since(begin)
	if _, trouble := a.observe(ctx); trouble.text != "" || trouble.hopeless != "" {
		found = trouble
	}
	a.note(ctx, found, took)
	return a.inARow >= a.spec.Successes && !time.Now().Before(a.watched.readyAt), found.hopeless
}

// note counts an answer and tells it. An answer that only the end of the
// deadline cut off does not replace the one before it.
func (a *attempt) note(ctx context.Context, found answer, took time.Duration) {
	if ctx.Err() != nil && a.last != "" && found.hopeless == "" {
		a.inARow = 0
		return
	}
	a.inARow++
	if !found.ok {
		a.inARow = 0
	}
	if found.text != "" {
		if !found.ok || !a.smoked { // a health check that says yes is not what was wrong
			a.last, a.smoked = found.text, found.smoke
		}
		a.probed(update.Probe{OK: found.ok, Answer: found.text, InARow: a.inARow, Duration: took})
	}
}

// tooLate says that the deadline is over, and why it is what it is if that is not
// in the project.
func tooLate(spec update.GateSpec) string {
	text := "not healthy within " + saySpan(spec.Deadline)
	if spec.Why != "" {
		text += " (" + spec.Why + ")"
	}
	return text
}

// failure builds the verdict with the last words of the container. They are
// fetched also when the deadline is over.
func (a *attempt) failure(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWait)
	defer cancel()
	lines, err := a.engine.Logs(ctx, a.spec.Container, logLines)
	if err != nil && !errors.Is(err, update.ErrNoContainer) {
		lines = append(lines, "(its log could not be read: "+err.Error()+")")
	}
	if len(lines) > logLines {
		lines = lines[len(lines)-logLines:]
	}
	return &update.GateError{Container: a.spec.Container, Reason: reason, Last: a.last, Logs: lines}
}

// steady probes at one pace.
func steady(took time.Duration) time.Duration { return max(probeEvery-took, 0) }

// relaxed gives a command twice its own time of rest, because one that takes
// a second of processor time must not starve the application that it checks.
func relaxed(took time.Duration) time.Duration {
	return min(max(2*took, probeEvery), probeAtMostEvery)
}

// lookRunning is content with a container that runs.
func lookRunning(_ context.Context, c update.Container) answer {
	return answer{ok: true, text: "up for " + sayDuration(max(time.Since(c.StartedAt), 0))}
}
