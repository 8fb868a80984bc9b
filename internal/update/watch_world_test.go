package update

import (
	"context"
	"maps"
	"slices"
	"time"
)

// fakeTraffic is what users ask for, and how it is answered. The edge counts it
// whenever time passes.
type fakeTraffic struct {
	perSecond map[string]uint64                                      // by service
	answer    func(c *Container) (failed uint64, took time.Duration) // of the requests of a second; nil: none, 10 ms
	counted   map[string]*Traffic                                    // by service and generation
	memory    func(c *Container) MemoryFigure
	happens   func(second int) // whatever else, every second of a watch
	seconds   int
}

func newFakeTraffic() *fakeTraffic {
	return &fakeTraffic{perSecond: map[string]uint64{}, counted: map[string]*Traffic{}}
}

// serve lets the requests of a time be answered by those who are routed to.
func (w *world) serve(d time.Duration) {
	if d < time.Second {
		return
	}
	for range int(d / time.Second) {
		w.traffic.seconds++
		if w.traffic.happens != nil {
			w.traffic.happens(w.traffic.seconds)
		}
		for _, service := range slices.Sorted(maps.Keys(w.traffic.perSecond)) {
			w.serveOf(service, w.traffic.perSecond[service])
		}
	}
}

func (w *world) serveOf(service string, requests uint64) {
	for _, target := range w.routes[service].targets {
		c := w.containers[target.Container]
		if target.Weight == 0 || c == nil {
			continue
		}
		failed, took := uint64(0), 10*time.Millisecond
		if w.traffic.answer != nil {
			failed, took = w.traffic.answer(c)
		}
		if !c.Running {
			failed = requests
		}
		w.count(Traffic{Service: service, Generation: target.Generation, Requests: requests, Failed: failed, Latency: Latencies{{took.Microseconds(), requests}}})
	}
}

func (w *world) count(t Traffic) {
	key := t.Service + " " + t.Generation
	if w.traffic.counted[key] == nil {
		w.traffic.counted[key] = &Traffic{Service: t.Service, Generation: t.Generation}
	}
	*w.traffic.counted[key] = w.traffic.counted[key].and(t)
}

type fakeFigures struct{ w *world }

func (f fakeFigures) Traffic(context.Context) (all []Traffic, err error) {
	err = f.w.call("traffic", func() error {
		for _, key := range slices.Sorted(maps.Keys(f.w.traffic.counted)) {
			all = append(all, *f.w.traffic.counted[key])
		}
		return nil
	})
	return all, err
}

func (f fakeFigures) Memory(_ context.Context, containers []Container) (map[string]MemoryFigure, error) {
	figures := map[string]MemoryFigure{}
	for _, c := range containers {
		if f.w.traffic.memory != nil {
			figures[c.Name] = f.w.traffic.memory(&c)
		}
	}
	return figures, nil
}
