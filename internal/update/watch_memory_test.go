package update

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What leaks is told from what warms up, fills a cache, collects its garbage or
// jumps.
func TestLeaks(t *testing.T) {
	const mib = float64(1 << 20)
	for name, c := range map[string]struct {
		room int64
		used func(seconds float64, random *rand.Rand) float64 // in bytes
		leak bool
	}{
		"leaks 1 MiB a second":               {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + s) * mib }, true},
		"leaks, and collects garbage":        {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + s + 20*math.Mod(s/40, 1)) * mib }, true},
		"leaks, and is noisy":                {1 << 30, func(s float64, r *rand.Rand) float64 { return (100 + s + 10*r.Float64()) * mib }, true},
		"leaks so slowly that it takes days": {8 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + s/20) * mib }, false},
		"nobody knows the limit":             {0, func(s float64, _ *rand.Rand) float64 { return (100 + s) * mib }, false},
		"steady":                             {1 << 30, func(s float64, r *rand.Rand) float64 { return (100 + 10*r.Float64()) * mib }, false},
		"warms up":                           {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + 300*min(1, s/60)) * mib }, false},
		"fills a cache":                      {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + 400*(1-math.Exp(-s/120))) * mib }, false},
		"collects its garbage":               {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + 200*math.Mod(s/50, 1)) * mib }, false},
		"jumps once":                         {1 << 30, func(s float64, _ *rand.Rand) float64 { return (100 + 300*math.Floor(s/200)) * mib }, false},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			climb := climb{container: "shop-api-2"}
			said := ""
			for at := time.Duration(0); at < 6*time.Minute && said == ""; at += memoryEvery {
				climb.add(at, MemoryFigure{Used: int64(c.used(at.Seconds(), random)), Room: c.room})
				said = climb.leak()
			}
			if (said != "") != c.leak || c.leak && !strings.Contains(said, "the memory of shop-api-2 climbs by") {
				t.Errorf("said %q", said)
			}
		})
	}
	// A watch may last for days.
	long := climb{}
	for i := range 100_000 {
		long.add(time.Duration(i)*memoryEvery, MemoryFigure{Used: 1 << 20})
	}
	if len(long.times) > memorySamples {
		t.Errorf("%d samples are kept", len(long.times))
	}
}

// What the old version needed too is no leak, however steadily it is taken.
func TestMemoryOfTheOldVersionIsNoLeak(t *testing.T) {
	for old, want := range map[int64]Result{600 << 20: ResultCommitted, 50 << 20: ResultRolledBack} {
		s := watchedScenario()
		s.options.Watch = 6 * time.Minute
		w, plan := s.watched(t)
		w.traffic.memory = func(c *Container) MemoryFigure {
			if isNew(c) && c.Service == "api" {
				return MemoryFigure{Used: int64(100+w.traffic.seconds) << 20, Room: 1 << 30}
			}
			return MemoryFigure{Used: old, Room: 1 << 30}
		}
		outcome, _, err := start(w, &plan)
		if err != nil || outcome.Result != want {
			t.Errorf("old %s: %s, %v, %v, %+v", BytesText(old), outcome.Result, err, outcome.Cause, outcome.Watch)
		}
	}
}
