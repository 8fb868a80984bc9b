package update

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// latenciesOf draws requests whose latencies are spread as those of real ones are:
// most around the middle, some much slower, and a share of an endpoint that takes long.
func latenciesOf(random *rand.Rand, requests int, middle time.Duration, spread, slowShare float64) Latencies {
	counts := map[int64]uint64{}
	for range requests {
		took := float64(middle.Microseconds()) * math.Exp(spread*random.NormFloat64())
		if random.Float64() < slowShare {
			took = 50 * float64(middle.Microseconds()) * math.Exp(0.2*random.NormFloat64())
		}
		step := math.Pow(2, math.Floor(math.Log2(took))-4) // as the edge's buckets
		counts[int64(math.Floor(took/step)*step)]++
	}
	var all Latencies
	for _, micros := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, LatencyCount{micros, counts[micros]})
	}
	return all
}

// Twice as slow is found, as slow is not, whatever the spread is and wherever the
// percentiles happen to lie.
func TestLatencyIsJudged(t *testing.T) {
	for seed := range uint64(25) {
		random := rand.New(rand.NewPCG(seed, 3))
		middle := time.Duration(30+random.IntN(200)) * time.Millisecond
		spread, slowShare := 0.1+random.Float64(), []float64{0, 0.049, 0.05, 0.051, 0.5}[seed%5]
		perSecond := 5 + random.IntN(40)
		before := Traffic{Service: "api", Requests: 2000, Latency: latenciesOf(random, 2000, middle, spread, slowShare)}
		caught := func(times int) int {
			judge := newTrafficJudge(before, WatchLimits{})
			for second := range 300 {
				took := latenciesOf(random, perSecond, time.Duration(times)*middle, spread, slowShare)
				if judge.add(Traffic{Requests: uint64(perSecond), Latency: took}, 1, true); judge.worse() != "" {
					return second + 1
				}
			}
			return 0
		}
		if at := caught(1); at > 0 {
			t.Errorf("seed %d: as slow as before (%s, spread %.1f, slow %.3f), and given up after %d s", seed, middle, spread, slowShare, at)
		}
		if at := caught(2); at == 0 {
			t.Errorf("seed %d: twice as slow (%s, spread %.1f, slow %.3f) is not found with %d requests a second", seed, middle, spread, slowShare, perSecond)
		}
	}
}

// Requests that were held say nothing about latency, before or after.
func TestHeldRequestsAreNotTimed(t *testing.T) {
	before := Traffic{Service: "api", Requests: 1000, Held: 100, Latency: Latencies{{5000, 1000}}}
	judge := newTrafficJudge(before, WatchLimits{})
	if judge.slow != nil || !strings.Contains(judge.slowWords(), "latency not judged: many requests to the old version had to wait") {
		t.Error(judge.slowWords())
	}
	before.Held = 0
	judge = newTrafficJudge(before, WatchLimits{})
	for range 60 {
		judge.add(Traffic{Requests: 50, Held: 1, Latency: Latencies{{900_000, 50}}}, 1, true)
	}
	if judge.worse() != "" || judge.timed != nil {
		t.Error(judge.worse())
	}
}

// What the user allows goes before what is usual.
func TestLimitsOfTheUser(t *testing.T) {
	fails := func(share float64, before Traffic, limits WatchLimits) string {
		random := rand.New(rand.NewPCG(1, 4))
		judge := newTrafficJudge(before, limits)
		for range 300 {
			if judge.add(Traffic{Requests: 40, Failed: hitsOf(random, 40, share)}, 1, true); judge.worse() != "" {
				return judge.worse()
			}
		}
		return ""
	}
	known := Traffic{Service: "api", Requests: 5000}
	for _, c := range []struct {
		share  float64
		before Traffic
		limit  float64
		worse  bool
	}{
		{0.03, known, 0, true}, {0.03, known, 0.2, false}, {0.25, known, 0.2, true},
		{0.03, Traffic{Service: "api"}, 0, false}, {0.03, Traffic{Service: "api"}, 0.02, true}, {0.005, Traffic{Service: "api"}, 0.02, false},
	} {
		if got := fails(c.share, c.before, WatchLimits{ErrorRate: c.limit}); (got != "") != c.worse {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A machine that is busy for some seconds makes every version slow.
func TestAStallIsNotSlow(t *testing.T) {
	before := Traffic{Service: "api", Requests: 5000, Latency: Latencies{{10_000, 4800}, {30_000, 200}}}
	judge := newTrafficJudge(before, WatchLimits{})
	for second := range 300 {
		took := int64(10_000)
		if second%60 < leastSlow-3 {
			took = 900_000
		}
		judge.add(Traffic{Requests: 100, Latency: Latencies{{took, 100}}}, 1, true)
		if text := judge.worse(); text != "" {
			t.Fatalf("after %d s: %s", second+1, text)
		}
	}
}

// Our own requests do not tell how fast the old version was for users.
func TestOwnRequestsAreNoBaseline(t *testing.T) {
	users := Traffic{Service: "api", Requests: 3000, Latency: Latencies{{60_000, 3000}}}
	if j := newTrafficJudge(users, WatchLimits{}); j.noSlow != "" {
		t.Error(j.noSlow)
	}
	users.Latency = Latencies{{2_000, 6000}, {60_000, 3000}}
	if j := newTrafficJudge(users, WatchLimits{}); !strings.Contains(j.noSlow, "asked by gapless itself") || len(j.slow) > 0 {
		t.Errorf("%q", j.noSlow)
	}
}
