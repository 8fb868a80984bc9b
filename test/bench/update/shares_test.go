package main

import (
	"math"
	"testing"
	"time"
)

// at is a moment so many seconds after the beginning.
func at(seconds float64) time.Time {
	return time.Unix(1_800_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func between(from, to float64) span { return span{at(from), at(to)} }

func TestWithout(t *testing.T) {
	for _, c := range []struct {
		name   string
		whole  span
		others []span
		want   float64
	}{
		{"nothing else", between(0, 5), nil, 5},
		{"apart", between(0, 5), []span{between(3, 4), between(1, 2)}, 3},
		{"over each other", between(0, 5), []span{between(1, 3), between(2, 4)}, 2},
		{"one inside of the other", between(0, 5), []span{between(1, 4), between(2, 3)}, 2},
		{"beyond the ends", between(2, 5), []span{between(0, 3), between(4, 9)}, 1},
		{"elsewhere", between(2, 5), []span{between(6, 9), {}}, 3},
	} {
		if got := c.whole.without(c.others...).Seconds(); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %.3f s, want %.3f s", c.name, got, c.want)
		}
	}
}

func TestShares(t *testing.T) {
	total := between(0, 6)
	one := alone{boot: time.Second, start: 250 * time.Millisecond, stop: 500 * time.Millisecond}
	s := newShares(total, at(1), one, between(3, 5))
	if own, engine := s.own().Seconds(), s.engine().Seconds(); math.Abs(own-2.25) > 1e-6 || math.Abs(engine-0.75) > 1e-6 {
		t.Errorf("own time %.3f s, the engine's %.3f s; want 2.25 s and 0.75 s", own, engine)
	}
	// What the engine does while clients are waited for anyway costs nothing more.
	if engine := newShares(total, at(1), one, between(3, 6)).engine().Seconds(); math.Abs(engine-0.25) > 1e-6 {
		t.Errorf("the engine's time %.3f s, want 0.25 s", engine)
	}
	// A boot after the old container is gone has no share: it is the outage.
	if s := newShares(total, at(7), one, span{}); s.boot.length() != 0 || s.own() != 5500*time.Millisecond {
		t.Errorf("%+v", s)
	}
	steps := []step{{"start", between(0.5, 1.2)}, {"gate", between(1.2, 2.5)}, {"drain", between(3, 5.1)}, {"remove", between(7, 8)}}
	sum := 0.0
	got := map[string]float64{}
	for _, share := range s.ownByStep(at(0.25), steps) {
		got[share.Name] = share.Seconds
		sum += share.Seconds
	}
	if math.Abs(sum-2.25) > 1e-6 {
		t.Errorf("the parts come to %.3f s: %v", sum, got)
	}
	for name, want := range map[string]float64{"plan": 0.25, "start": 0.25, "gate": 0.5, "drain": 0.1} {
		if math.Abs(got[name]-want) > 1e-6 {
			t.Errorf("%s: %.3f s, want %.3f s", name, got[name], want)
		}
	}
}
