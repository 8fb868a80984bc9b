package update

import (
	"context"
	"strings"
	"time"
)

// WatchStep looks at the new version for a while before the commit, and compares
// it with the old one. It fails when the new version stops answering or is shown
// to be worse, and then everything is undone.
type WatchStep struct {
	For      time.Duration  `json:"forNs"`
	Gates    []GateSpec     `json:"gates,omitempty"`    // asked in turn, again and again
	Warm     bool           `json:"warm,omitempty"`     // the old version runs beside it
	Subjects []WatchSubject `json:"subjects,omitempty"` // what is judged
	Limits   WatchLimits    `json:"limits,omitzero"`
	// Shared are containers that both versions need, as a database, with how one
	// sees that they serve. A fault of theirs is not the new version's.
	Shared []GateSpec `json:"shared,omitempty"`
	// Former are warm containers of the old version: what fails there too is not
	// the new version's fault either.
	Former []GateSpec `json:"former,omitempty"`
	// Keeps are the containers that the way back leads to.
	Keeps []KeptContainer `json:"keeps,omitempty"`
	// OneWay is why there is no way back that a figure could be a reason for.
	OneWay string `json:"oneWay,omitempty"`
}

// WatchSubject is a service that is judged.
type WatchSubject struct {
	Service    string          `json:"service"`
	Containers []KeptContainer `json:"containers"` // of the new version; without an ID, made by this run
	// Generations are those of the old version at the edge, and Generation that of
	// the new one; empty where no requests pass it.
	Generations []string `json:"generations,omitempty"`
	Generation  string   `json:"generation,omitempty"`
}

// KeptContainer is a container with its identity.
type KeptContainer struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
}

const (
	// watchPause is the time between two looks.
	watchPause = time.Second
	// watchPatience is how long a container may fail to answer: a single slow
	// answer is no reason to go back.
	watchPatience = 10 * time.Second
	// sharedPatience is how long a fault of what both versions need is waited for.
	sharedPatience = 5 * time.Minute
	// sharedSettles is how long it must be over: who depends on it connects again.
	sharedSettles = 10 * time.Second
	// watchNoteEvery is how often the journal learns how long was watched.
	watchNoteEvery = 10 * time.Second
)

// Do looks until the time is over. What an earlier process watched counts, but one
// look is always taken: nobody knows what happened meanwhile.
func (s *WatchStep) Do(ctx context.Context, env *Env) error {
	w := newWatching(s, env)
	for {
		before := env.Clock.Now()
		fine, err := w.look(ctx)
		if err != nil {
			return w.failed(ctx, err)
		}
		if fine && w.watched >= s.For {
			return w.passed()
		}
		pause := watchPause
		if fine {
			pause = min(pause, s.For-w.watched)
		}
		if err := env.Clock.Sleep(ctx, pause); err != nil {
			return err
		}
		if err := w.pass(env.Clock.Now().Sub(before)); err != nil {
			return err
		}
	}
}

// Undo has nothing to do.
func (s *WatchStep) Undo(context.Context, *Env) error { return nil }

func (*WatchStep) onlyWaits() bool { return true }

// Line implements Step.
func (s *WatchStep) Line() Line {
	var names []string
	for _, subject := range s.Subjects {
		for _, c := range subject.Containers {
			names = append(names, c.Name)
		}
	}
	detail := "for " + DurationText(s.For)
	if s.Warm {
		detail += ", the old version stays warm"
	}
	return Line{Verb: "watch", Object: strings.Join(names, ", "), Detail: detail}
}

// WorseError says how the new version was shown to be worse than the old one.
type WorseError struct{ Reason string }

func (e *WorseError) Error() string { return "the new version is worse: " + e.Reason }

// SharedFaultError says that a version could not be judged, because what both of
// them need did not come back.
type SharedFaultError struct{ Reason string }

func (e *SharedFaultError) Error() string {
	return "the new version cannot be judged: " + e.Reason + " for more than " + DurationText(sharedPatience) + ", which is no fault of it; it keeps serving, and the old version is kept"
}
