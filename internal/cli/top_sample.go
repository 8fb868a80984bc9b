package cli

import (
	"context"
	"fmt"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// topSampler looks at an application again and again.
type topSampler struct {
	session *session
	window  statsWindow // by service
	once    statsWindow // each request once, for the sum
}

// sample takes one look. Only the engine has to be there: of an edge that does
// not answer, and of an update that cannot be read, the sample says so.
func (t *topSampler) sample(ctx context.Context) (ui.TopSample, error) {
	s := t.session
	sample := ui.TopSample{Project: s.project.Name, Time: time.Now(), Services: []ui.TopService{}}
	containers, err := s.bench.Look(ctx)
	if err != nil {
		return sample, fmt.Errorf("look at the containers: %w", err)
	}
	memory, _ := s.engine.Memory(ctx, containers) // what is not measured is not told
	if release, err := s.store.Newest(); err == nil {
		sample.Release = release.Number
	}
	run := s.runNow(&sample)
	view := topView{run: run, memory: memory, targets: map[string]wire.Target{}}
	t.askEdge(ctx, &sample, &view)
	for _, service := range s.project.Services {
		var own []update.Container
		for _, c := range containers {
			if c.Service == service.Name {
				own = append(own, c)
			}
		}
		sample.Services = append(sample.Services, ui.TopService{Service: service.Name, Role: string(service.Role), Versions: view.versions(service.Name, own)})
	}
	return sample, nil
}

// runNow says who is at work and returns the update that has not ended; nil if
// there is none.
func (s *session) runNow(sample *ui.TopSample) *replay {
	owner := s.store.Owner()
	if owner != nil {
		sample.Working = owner.String()
	}
	records, err := s.store.Records()
	if err != nil || !isOpen(records) {
		return nil
	}
	run, err := newReplay(records)
	if err != nil {
		return nil
	}
	run.next(records)
	words := fmt.Sprintf("%d -> %d, %s", run.plan.From, run.plan.To, run.position())
	if owner != nil {
		sample.Working = "update " + words
	} else {
		sample.Working = "update without its process " + words
	}
	return run
}

// askEdge adds what the edge counted and to whom it sends.
func (t *topSampler) askEdge(ctx context.Context, sample *ui.TopSample, view *topView) {
	s := t.session
	ctx, cancel := context.WithTimeout(ctx, trafficWait)
	defer cancel()
	sample.Edge = s.edgeState(ctx)
	if s.project.Settings.Front.Enabled() {
		sample.Edge = "nginx passes requests on by itself, which counts none"
		return
	}
	if config, err := s.edge.Get(ctx, s.project.Name); err == nil {
		for _, service := range config.Services {
			for _, target := range service.Targets {
				view.targets[target.ID] = target
			}
		}
	}
	stats, err := s.edge.Stats(ctx, s.project.Name)
	if err != nil {
		t.window, t.once = statsWindow{}, statsWindow{}
		return
	}
	t.window.add(sample.Time, stats)
	t.once.add(sample.Time, *s.countedOnce(stats))
	view.recent, sample.WindowSeconds = t.window.sum()
	view.seconds, view.total = sample.WindowSeconds, t.window.last
	if all, seconds := t.once.sum(); seconds > 0 {
		sample.Traffic = topTraffic(joinedAll(all), joinedAll(t.once.last), seconds)
	}
}

// joinedAll sums up all generations, the present numbers too.
func joinedAll(all counts) wire.GenerationStats {
	var sum wire.GenerationStats
	for _, g := range all {
		parked, inFlight := sum.Parked+g.Parked, sum.InFlight+g.InFlight
		sum = joined(sum, g)
		sum.Parked, sum.InFlight = parked, inFlight
	}
	return sum
}

// topTraffic makes figures of what was counted in a window, and in all.
func topTraffic(recent, total wire.GenerationStats, seconds float64) *ui.TopTraffic {
	quantile := func(q float64) *float64 {
		if recent.Latency.Total() == 0 {
			return nil
		}
		return new(recent.Latency.QuantileMicroseconds(q) / 1000)
	}
	return &ui.TopTraffic{
		PerSecond: float64(recent.Requests) / seconds, ServerErrors: int64(recent.ServerErrors), Failed: int64(recent.FailureTotal()),
		HeldNow: total.Parked, InFlight: total.InFlight, P50Millis: quantile(0.5), P95Millis: quantile(0.95), P99Millis: quantile(0.99),
		RequestsTotal: int64(total.Requests), ServerErrorsTotal: int64(total.ServerErrors), FailedTotal: int64(total.FailureTotal()), HeldTotal: int64(total.Held),
	}
}
