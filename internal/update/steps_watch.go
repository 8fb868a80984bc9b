package update

import (
	"context"
	"strings"
	"time"
)

// WatchStep looks at the new version for a while before the commit. It fails
// when the new version stops answering, and then everything is undone.
type WatchStep struct {
	For   time.Duration `json:"forNs"`
	Gates []GateSpec    `json:"gates,omitempty"` // asked in turn, again and again
	Warm  bool          `json:"warm,omitempty"`  // the old version runs beside it
}

const (
	// watchPause is the time between two looks.
	watchPause = time.Second
	// watchPatience is how long a container may fail to answer: a single slow
	// answer is no reason to go back.
	watchPatience = 10 * time.Second
)

// Do looks until the time is over.
func (s *WatchStep) Do(ctx context.Context, env *Env) error {
	end := env.Clock.Now().Add(s.For)
	for env.Clock.Now().Before(end) {
		for _, gate := range s.Gates {
			if err := env.Gate.Gate(ctx, gate, func(Probe) {}); err != nil {
				return err
			}
		}
		if err := env.Clock.Sleep(ctx, min(watchPause, end.Sub(env.Clock.Now()))); err != nil {
			return err
		}
	}
	return nil
}

// Undo has nothing to do.
func (s *WatchStep) Undo(context.Context, *Env) error { return nil }

func (*WatchStep) onlyWaits() bool { return true }

// Line implements Step.
func (s *WatchStep) Line() Line {
	var names []string
	for _, gate := range s.Gates {
		names = append(names, gate.Container)
	}
	detail := "for " + DurationText(s.For)
	if s.Warm {
		detail += ", the old version stays warm"
	}
	return Line{Verb: "watch", Object: strings.Join(names, ", "), Detail: detail}
}
