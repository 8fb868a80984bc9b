package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// inUpdate is a service that is being updated: release 42 serves, the
// container of 43 stands beside it and is not behind the route yet.
func inUpdate() (topView, []update.Container) {
	plan := twoSteps()
	plan.From, plan.To = 42, 43
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	containers := []update.Container{
		{Name: "shop-api-1", ID: "a", Service: "api", ImageID: "v1", Running: true, Created: at(1)},
		{Name: "shop-api-2", ID: "b", Service: "api", ImageID: "v2", Running: true, Run: "run1", Created: at(9)},
		{Name: "shop-api-3", ID: "c", Service: "api", ImageID: "v1", ExitCode: 137, Created: at(2)},
	}
	var window statsWindow
	before, after := counters(100, 1, 0, 0, 0), counters(150, 2, 0, 0, 50)
	before.Generations[0].Generation, after.Generations[0].Generation = "42", "42"
	before.Generations[0].ServerErrors, after.Generations[0].ServerErrors = 3, 5
	after.Generations[0].InFlight = 4
	window.add(at(100), *before)
	window.add(at(105), *after)
	recent, seconds := window.sum()
	return topView{run: &replay{run: "run1", plan: plan}, memory: map[string]int64{"shop-api-1": 100, "shop-api-2": 7},
		targets: map[string]wire.Target{"shop-api-1": {Generation: "42", Weight: 1}, "shop-api-3": {Generation: "42"}},
		recent:  recent, total: window.last, seconds: seconds}, containers
}

func TestTopOfAnUpdate(t *testing.T) {
	view, containers := inUpdate()
	got := view.versions("api", containers)
	traffic := got[0].Traffic
	if traffic == nil || *traffic.P95Millis < 77 || *traffic.P95Millis > 83 {
		t.Fatalf("figures of the old version: %+v", traffic)
	}
	traffic.P50Millis, traffic.P95Millis, traffic.P99Millis = nil, nil, nil
	want := []ui.TopVersion{
		{Version: "old", Generation: "42", MemoryBytes: new(int64(100)), Containers: []ui.TopContainer{
			{Name: "shop-api-1", State: "running", Weight: new(1), MemoryBytes: new(int64(100))},
			{Name: "shop-api-3", State: "exited (137)", Weight: new(0)},
		}, Traffic: &ui.TopTraffic{PerSecond: 10, ServerErrors: 2, Failed: 1, InFlight: 4, RequestsTotal: 150, ServerErrorsTotal: 5, FailedTotal: 2}},
		{Version: "new", Generation: "43", MemoryBytes: new(int64(7)), Containers: []ui.TopContainer{
			{Name: "shop-api-2", State: "running", MemoryBytes: new(int64(7))},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestTopOfRequestsWithoutAContainer: what waits, and what a version served
// whose container is gone, is shown too; what is long over is not.
func TestTopOfRequestsWithoutAContainer(t *testing.T) {
	var window statsWindow
	sample := func(gone, waits uint64) wire.Stats {
		return wire.Stats{Generations: []wire.GenerationStats{
			{Service: "api", Parked: int64(waits)},
			{Service: "api", Generation: "40", Requests: 9000},
			{Service: "api", Generation: "42", Requests: gone},
			{Service: "other", Generation: "42", Requests: gone},
		}}
	}
	window.add(time.Unix(0, 0), sample(100, 0))
	window.add(time.Unix(1, 0), sample(130, 5))
	recent, seconds := window.sum()
	view := topView{recent: recent, total: window.last, seconds: seconds}
	var got []string
	for _, version := range view.versions("api", nil) {
		got = append(got, version.Version+" "+version.Generation)
	}
	if diff := cmp.Diff([]string{"none ", "old 42"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestTopOfOneVersion calls nothing old or new where there is only one, and
// measures nothing with one look.
func TestTopOfOneVersion(t *testing.T) {
	view, containers := inUpdate()
	view.run, view.seconds = nil, 0
	got := view.versions("api", containers[:1])
	if len(got) != 1 || got[0].Version != "" || got[0].Generation != "42" || got[0].Traffic != nil {
		t.Errorf("%+v", got)
	}
}

// TestWindow keeps ten seconds, and takes neither a restart of the edge nor a
// generation that it has forgotten for requests.
func TestWindow(t *testing.T) {
	of := func(generation string, requests uint64) wire.GenerationStats {
		return wire.GenerationStats{Service: "api", Generation: generation, Requests: requests, Failures: map[string]uint64{"reset": requests / 100}}
	}
	var w statsWindow
	for second, stats := range [][]wire.GenerationStats{
		{of("41", 5000), of("42", 100)}, {of("41", 5000), of("42", 200)}, {of("42", 300)}, {of("42", 30), of("43", 4)},
	} {
		w.add(time.Unix(int64(second), 0), wire.Stats{Generations: stats})
	}
	all, seconds := w.sum()
	if sum := sumOf(all.stats()); sum.requests != 234 || sum.failed != 2 || seconds != 3 {
		t.Errorf("%d requests, %d failed in %.0f s", sum.requests, sum.failed, seconds)
	}
	for second := range 40 {
		w.add(time.Unix(int64(second+4), 0), wire.Stats{Generations: []wire.GenerationStats{of("42", uint64(40+10*second))}})
	}
	all, seconds = w.sum()
	if sum := sumOf(all.stats()); sum.requests != 100 || seconds != 10 {
		t.Errorf("%d requests in %.0f s, want those of the last ten", sum.requests, seconds)
	}
}
