package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/health"
	"gapless/internal/project"
	"gapless/internal/update"
)

// meter measures what an update costs those who use the application: the
// edge's counters, and requests of its own to the public address.
type meter struct {
	session *session
	began   time.Time
	before  *wire.Stats
	monitor *health.Monitor

	mu     sync.Mutex
	memory []int64 // of all containers of the project, one value a sample
	taking sync.WaitGroup
}

// startMeter begins to measure.
func (s *session) startMeter(ctx context.Context, state update.State) *meter {
	m := &meter{session: s, began: time.Now(), before: s.counters(ctx)}
	if targets := s.throughFronts(ctx, s.publicTargets(state)); len(targets) > 0 {
		m.monitor = health.StartMonitor(context.WithoutCancel(ctx), targets)
	}
	m.sampleMemory(ctx)
	return m
}

// throughFronts asks the front that stands before a socket of the edge in the
// place of the edge, as users do: it has gaps of its own. One that does not answer
// a request like that now is not asked.
func (s *session) throughFronts(ctx context.Context, targets []health.Target) []health.Target {
	for i, target := range targets {
		if target.Socket == "" {
			continue
		}
		for _, front := range s.project.Services {
			port := plainPort(front)
			if front.Role != project.RoleFront || !s.project.SeesSocket(front) || port == "" {
				continue
			}
			through := target
			through.Socket, through.Front = "", true
			through.URL = strings.Replace(target.URL, "http://localhost", "http://"+reachable(port), 1)
			if health.Answers(ctx, through) {
				targets[i] = through
			}
		}
	}
	return targets
}

// publicTargets are the addresses at which users reach what is served now. A
// service that is not served yet cannot have a gap.
func (s *session) publicTargets(state update.State) []health.Target {
	var targets []health.Target
	for _, service := range s.project.Services {
		route, routed := state.Routes[service.Name]
		if front, found := s.frontOf(service); found && len(state.Routes[front].Listeners) > 0 {
			route.Listeners = state.Routes[front].Listeners
		}
		if port := s.nativePort(); routed && port != "" {
			route.Listeners = []string{port}
		}
		switch {
		case routed && len(route.Listeners) > 0:
			targets = append(targets, routedTarget(service, route))
		case !routed && len(service.HostPorts) > 0 && service.Role == project.RoleWeb && len(state.ContainersOf(service.Name)) > 0:
			targets = append(targets, health.Target{Service: service.Name, URL: fmt.Sprintf("http://127.0.0.1:%d/", service.HostPorts[0].Host)})
		}
	}
	return targets
}

func routedTarget(service project.Service, route update.RouteState) health.Target {
	target := health.Target{Service: service.Name}
	if len(route.Hosts) > 0 {
		target.Host = strings.Replace(route.Hosts[0], "*.", "www.", 1)
	}
	path := route.Path
	if service.Route != nil && service.Route.HealthPath != "" {
		path = service.Route.HealthPath
	}
	listener := route.Listeners[0]
	if strings.HasPrefix(listener, "/") {
		target.Socket, target.URL = listener, "http://localhost"+path
		return target
	}
	target.URL = "http://" + reachable(listener) + path
	return target
}

// reachable is where this host reaches who listens on an address.
func reachable(listener string) string {
	host, port, err := net.SplitHostPort(listener)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// sampleMemory adds up what the containers of the project use now, without
// keeping the caller waiting.
func (m *meter) sampleMemory(ctx context.Context) {
	m.taking.Go(func() {
		containers, err := m.session.bench.Look(ctx)
		if err != nil {
			return
		}
		used, err := m.session.engine.Memory(ctx, containers)
		if err != nil {
			return // the figure stays unmeasured
		}
		var sum int64
		for _, bytes := range used {
			sum += bytes
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.memory = append(m.memory, sum)
	})
}

// peakExtra is how much more memory than at the start was seen in use; nil if
// there were not two samples.
func (m *meter) peakExtra() *int64 {
	m.taking.Wait()
	if len(m.memory) < 2 {
		return nil
	}
	extra := max(0, slices.Max(m.memory)-m.memory[0])
	return &extra
}

// mark tells the monitor which part of the update is under way.
func (m *meter) mark(phase string) {
	if m.monitor == nil {
		return
	}
	m.monitor.Slow(phase == update.PhaseWatch)
	switch phase {
	case update.PhaseShift:
		m.monitor.Mark(health.PhaseDuring)
	case update.PhaseCommit:
		m.monitor.Mark(health.PhaseAfter)
	}
}

// stop ends the measurement and writes the receipt.
func (m *meter) stop(ctx context.Context, plan *update.Plan, outcome update.Outcome) update.Receipt {
	receipt := update.Receipt{Watch: outcome.Watch, Project: plan.Project, From: plan.From, To: plan.To, Strategy: plan.Strategy, Reason: plan.Because,
		Result: outcome.Result, DurationMillis: time.Since(m.began).Milliseconds(), Steps: receiptSteps(plan, outcome)}
	if outcome.Result == update.ResultCommitted {
		for _, w := range plan.Waiting {
			receipt.Waiting = append(receipt.Waiting, w.Words())
		}
	}
	var own health.Figures
	if m.monitor != nil {
		own = m.monitor.Stop()
		own.Fill(&receipt)
	}
	receipt.PeakExtraBytes = m.peakExtra()
	if after := m.session.counters(ctx); after != nil && m.before != nil {
		m.traffic(&receipt, *after, own)
	}
	return receipt
}

// traffic writes what the edge counted during the update, without the meter's
// own requests.
func (m *meter) traffic(receipt *update.Receipt, after wire.Stats, own health.Figures) {
	now, was := sumOf(after), sumOf(*m.before)
	requests := max(0, now.requests-was.requests-own.Reached()-own.Skipped)
	paged, pagedMillis := max(0, now.paged-was.paged-own.Paged), pageTime(after, *m.before)
	receipt.Paged, receipt.PagedMillis = &paged, &pagedMillis
	failed, held := now.failed-was.failed, now.held-was.held
	receipt.Requests, receipt.Failed, receipt.Held = &requests, &failed, &held
	if held > 0 {
		longest := float64(now.longestHoldMillis)
		receipt.LongestHoldMillis = &longest
	}
	for cause, count := range now.causes {
		if count > was.causes[cause] {
			if receipt.FailedByCause == nil {
				receipt.FailedByCause = map[string]int64{}
			}
			receipt.FailedByCause[cause] = count - was.causes[cause]
		}
	}
}

// pageTime is for how long one service, the one with the longest time, was
// answered for by a page, in milliseconds.
func pageTime(after, before wire.Stats) float64 {
	was := map[string]int64{}
	for _, g := range before.Generations {
		was[g.Service] += g.PagedMilliseconds
	}
	now := map[string]int64{}
	longest := int64(0)
	for _, g := range after.Generations {
		now[g.Service] += g.PagedMilliseconds
		longest = max(longest, now[g.Service]-was[g.Service])
	}
	return float64(longest)
}

// totals are the counters of all services and generations together.
type totals struct {
	requests, failed, held, paged, longestHoldMillis int64
	causes                                           map[string]int64
}

func sumOf(stats wire.Stats) totals {
	sum := totals{causes: map[string]int64{}}
	for _, g := range stats.Generations {
		sum.requests += int64(g.Requests)
		sum.failed += int64(g.FailureTotal())
		sum.held += int64(g.Held)
		sum.paged += int64(g.Paged)
		sum.longestHoldMillis = max(sum.longestHoldMillis, g.LongestHoldMilliseconds)
		for cause, count := range g.Failures {
			sum.causes[cause] += int64(count)
		}
	}
	return sum
}

func receiptSteps(plan *update.Plan, outcome update.Outcome) []update.ReceiptStep {
	steps := []update.ReceiptStep{}
	for _, row := range plan.Rows() {
		line := row.Line
		took, done := outcome.Took[row.Place]
		result := "not done"
		if done {
			result = update.StepDone
		}
		steps = append(steps, update.ReceiptStep{Verb: line.Verb, Object: line.Object, DurationMillis: took.Milliseconds(), Result: result})
	}
	return steps
}
