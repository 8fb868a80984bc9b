package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
)

// counters makes counters: latencies of 20 ms, then of 80 ms.
func counters(requests, failed, parked, fast, slow uint64) *wire.Stats {
	g := wire.GenerationStats{Service: "api", Requests: requests, Parked: int64(parked), Failures: map[string]uint64{"reset": failed}}
	g.Latency.Counts = make([]uint64, wire.Buckets)
	g.Latency.Counts[wire.Bucket(20_000)], g.Latency.Counts[wire.Bucket(80_000)] = fast, slow
	return &wire.Stats{Generations: []wire.GenerationStats{g}}
}

// shown asks, and asks again when the answer that was fetched beside it is there.
func shown(m *trafficMeter) *ui.TrafficFigures {
	time.Sleep(trafficPace)
	m.latest()
	synctest.Wait()
	return m.latest()
}

// TestTrafficOfTheLastSeconds: rates and latencies are those of now, failures
// those since the beginning.
func TestTrafficOfTheLastSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := counters(1000, 7, 0, 1000, 0)
		m := newTrafficMeter(func() *wire.Stats { return stats }, time.Now)
		if m.latest() != nil {
			t.Error("there are figures before anything was counted")
		}
		stats = counters(1100, 9, 3, 1000, 100)
		want := &ui.TrafficFigures{PerSecond: 100, Requests: 100, Failed: 2, HeldNow: 3}
		got := shown(m)
		if p95 := *got.P95Millis; p95 < 77 || p95 > 83 {
			t.Errorf("p95 is %.1f ms: it is of all that were ever counted", p95)
		}
		got.P95Millis = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for range 15 {
			got = shown(m)
		}
		if got.PerSecond != 0 || got.P95Millis != nil || got.Failed != 2 {
			t.Errorf("after 15 s without a request: %+v", got)
		}
	})
}

// TestTrafficOfAnEdgeThatWasRestarted: its counters begin anew, the sums go on.
func TestTrafficOfAnEdgeThatWasRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := counters(1000, 1, 0, 0, 0)
		m := newTrafficMeter(func() *wire.Stats { return stats }, time.Now)
		stats = counters(1010, 3, 0, 0, 0)
		shown(m)
		stats = nil
		if got := shown(m); got != nil {
			t.Errorf("without an edge: %+v", got)
		}
		stats = counters(5, 1, 0, 0, 0)
		if got := shown(m); got.Requests != 15 || got.Failed != 3 || got.PerSecond < 4 || got.PerSecond > 6 {
			t.Errorf("after the restart: %+v", got)
		}
	})
}

// TestTrafficNeverWaits: an edge that hangs delays nobody, and is not asked by
// more than one.
func TestTrafficNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, asked := make(chan struct{}), 0
		read := func() *wire.Stats {
			if asked++; asked > 2 {
				<-hung
			}
			return counters(10, 0, 0, 0, 0)
		}
		m := newTrafficMeter(read, time.Now)
		before := shown(m)
		began := time.Now()
		for range 20 {
			time.Sleep(trafficPace)
			if m.latest() != before {
				t.Fatal("other figures, although the edge said nothing")
			}
		}
		took := time.Since(began)
		synctest.Wait()
		if took != 20*trafficPace || asked != 3 {
			t.Errorf("%s, asked %d times", took, asked)
		}
		close(hung)
		synctest.Wait()
	})
}
