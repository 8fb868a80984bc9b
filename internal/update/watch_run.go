package update

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// watching is a watch under way. Only what it notes in the journal outlives the
// process.
type watching struct {
	step *WatchStep
	env  *Env
	base baseline

	watched time.Duration // by this process and those before, faults of others excluded
	noted   time.Duration // of it, in the journal
	begun   time.Time     // of the judgement
	last    reading       // of the edge
	lastAt  time.Time
	first   bool // nothing was read yet by this process
	afresh  bool // what was answered until the next reading says nothing
	judges  map[string]*trafficJudge
	bodies  []*body
	sampled time.Time // of the memory
	said    []string  // what is worse and has no way back, or is not judged any more

	shared    string    // a fault of what both versions need; empty: none
	sharedAt  time.Time // since when
	wellSince time.Time // since when it is over
}

// newWatching goes on where an earlier process stopped.
func newWatching(step *WatchStep, env *Env) *watching {
	record := readWatchRecord(env)
	w := &watching{step: step, env: env, begun: env.Clock.Now(), first: true, judges: map[string]*trafficJudge{},
		watched: record.Watched, noted: -1, said: record.Said}
	if seen := readBaseline(env); seen != nil {
		w.base = *seen
	}
	w.last, w.lastAt = w.base.Traffic, w.base.At
	if !record.FromAt.IsZero() {
		w.last, w.lastAt = record.From, record.FromAt
	}
	if record.Faulty {
		w.shared, w.sharedAt = "what both versions need was at fault when the watch was cut off", w.begun
	}
	for _, subject := range step.Subjects {
		if subject.Generation != "" {
			before := w.base.Traffic.of(subject.Service, nil, func(generation string) bool { return slices.Contains(subject.Generations, generation) })
			w.judges[subject.Service] = newTrafficJudge(before, step.Limits)
		}
		for _, c := range subject.Containers {
			b := &body{KeptContainer: c, service: subject.Service, usual: w.base.Restarts[subject.Service], climb: climb{container: c.Name}}
			b.restarts, b.based = record.Restarts[c.Name]
			w.bodies = append(w.bodies, b)
		}
	}
	return w
}

// look observes once, and judges. It tells whether everything that was seen was
// fine.
func (w *watching) look(ctx context.Context) (fine bool, err error) {
	seen := w.sharedFault
	if w.shared != "" { // which a look alone may not have shown
		seen = w.confirm
	}
	if reason := seen(ctx); reason != "" || w.shared != "" {
		return false, w.hold(ctx, reason)
	}
	if err := w.readTraffic(ctx); err != nil {
		return false, err
	}
	fine, reason, err := w.lookAtBodies(ctx)
	if err != nil {
		return false, w.blame(ctx, err)
	}
	if reason == "" {
		reason = w.worseTraffic()
	}
	if reason != "" {
		return false, w.worse(ctx, reason)
	}
	for _, gate := range w.step.Gates {
		if w.isForeign(gate.Container) {
			continue
		}
		if err := w.env.Gate.Gate(ctx, gate, func(Probe) {}); err != nil {
			return false, w.blame(ctx, err)
		}
	}
	return fine, ctx.Err()
}

// readTraffic hands what was answered since the last look to the judges. Counters
// that cannot be read are no data, which is neither good nor bad.
func (w *watching) readTraffic(ctx context.Context) error {
	if w.env.Figures == nil || len(w.judges) == 0 {
		return nil
	}
	traffic, err := w.env.Figures.Traffic(ctx)
	if err != nil {
		return ctx.Err()
	}
	now, at := reading(traffic), w.env.Clock.Now()
	if w.afresh {
		w.last, w.lastAt, w.first, w.afresh = now, at, false, false
		return w.note(now, at)
	}
	for _, subject := range w.step.Subjects {
		judge, inPlace := w.judges[subject.Service], slices.Contains(subject.Generations, subject.Generation)
		if judge == nil || inPlace && w.first {
			continue // until now these were requests to the old version too
		}
		delta := now.of(subject.Service, w.last, func(generation string) bool {
			return inPlace || !slices.Contains(subject.Generations, generation)
		})
		seconds := at.Sub(w.lastAt).Seconds()
		if w.first { // the requests may all be of the last moments
			seconds = min(seconds, float64(delta.Requests)/requestsOfClump)
		}
		judge.add(delta, seconds, !w.first && delta.mostlyUsers() && w.lastAt.Sub(w.begun) >= w.warmUp())
	}
	w.last, w.lastAt, w.first = now, at, false
	return nil
}

// requestsOfClump is how many requests count as those of a second where nobody
// knows when they were answered.
const requestsOfClump = 20

// warmUp is the time in which nothing is timed.
func (w *watching) warmUp() time.Duration { return min(10*time.Second, w.step.For/4) }

func (w *watching) worseTraffic() string {
	for _, subject := range w.step.Subjects {
		if judge := w.judges[subject.Service]; judge != nil && !judge.silent {
			if reason := judge.worse(); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// pass counts the time since the last look.
func (w *watching) pass(took time.Duration) error {
	if w.shared == "" {
		w.watched += took
	}
	if w.noted >= 0 && w.watched-w.noted < max(watchNoteEvery, w.step.For/100) {
		return nil
	}
	return w.note(nil, time.Time{})
}

// watchNote is the name under which the journal keeps what was watched.
const watchNote = "watch"

// watchRecord is what another process has to know to go on.
type watchRecord struct {
	Watched time.Duration `json:"watchedNs"`
	// From are the counters from which on the new version is judged, if not from
	// the baseline: something else was at fault until then.
	From     reading        `json:"from,omitempty"`
	FromAt   time.Time      `json:"fromAt,omitzero"`
	Faulty   bool           `json:"faulty,omitempty"` // it still is
	Restarts map[string]int `json:"restarts,omitempty"`
	Said     []string       `json:"said,omitempty"`
}

func readWatchRecord(env *Env) (record watchRecord) {
	if values, found := env.noted(watchNote); found && len(values) == 1 {
		_ = json.Unmarshal([]byte(values[0]), &record) // at worst it watches anew
	}
	return record
}

// note keeps how far the watch is; a time says that the judgement begins anew.
func (w *watching) note(from reading, at time.Time) error {
	record := readWatchRecord(w.env)
	record.Watched, record.Faulty, record.Said, record.Restarts = w.watched, w.shared != "" || w.afresh, w.said, map[string]int{}
	if !at.IsZero() {
		record.From, record.FromAt = from.without(nil), at
	}
	for _, b := range w.bodies {
		if b.based {
			record.Restarts[b.Name] = b.restarts
		}
	}
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	w.noted = w.watched
	return w.env.note(watchNote, []string{string(text)})
}
