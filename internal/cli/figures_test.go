package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

// A watch compares what targets answered: requests that found none are nobody's
// doing, and dishonest answers are failures as those with 5xx are.
func TestTrafficOfTheEdge(t *testing.T) {
	counts := make([]uint64, wire.Bucket(10_000)+1)
	counts[wire.Bucket(100)], counts[wire.Bucket(10_000)] = 7, 2
	stats := wire.Stats{Generations: []wire.GenerationStats{
		{Service: "api", Generation: "", Requests: 5, Failures: map[string]uint64{"no_target": 5}},
		{Service: "api", Generation: "7", Requests: 9, ServerErrors: 2, Failures: map[string]uint64{"dial": 1, "read": 1}, Held: 3, Latency: wire.Histogram{Counts: counts}},
	}}
	want := []update.Traffic{{Service: "api", Generation: "7", Requests: 9, Failed: 4, Held: 3, Latency: update.Latencies{{Micros: 102, Count: 7}, {Micros: 9984, Count: 2}}}}
	if diff := cmp.Diff(want, trafficOf(stats)); diff != "" {
		t.Error(diff)
	}
}

// Where nothing is left, that is known: it is not the same as not knowing.
func TestNarrowestRoom(t *testing.T) {
	for _, c := range []struct{ known, room, want int64 }{{0, 100, 100}, {50, 100, 50}, {100, 50, 50}, {100, 0, 1}, {0, -5, 1}} {
		if got := narrower(c.known, c.room); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
