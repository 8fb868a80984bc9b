package update

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gapless/internal/project"
)

// DefaultWarm is how long the old version of a blue-green update stays warm
// where no watch says otherwise.
const DefaultWarm = 30 * time.Second

// sharedWait is how long is waited for an answer of a container that is asked
// whether it is at fault too.
const sharedWait = 5 * time.Second

// addWatch plans the look at the new version before the commit, and at the old one
// before the shift.
func (p *Planner) addWatch() {
	duration := cmp.Or(p.options.Watch, p.project.Settings.Watch.For)
	if duration == 0 && p.plan.Strategy == StrategyBlueGreen {
		duration = DefaultWarm
	}
	step := &WatchStep{For: duration, Warm: p.plan.Strategy == StrategyBlueGreen, Limits: p.watchLimits()}
	for _, planned := range p.shift {
		if gate, isGate := planned.(*GateStep); isGate {
			p.watchOver(step, gate)
		}
	}
	if duration == 0 || p.options.NoWatch || len(step.Subjects) == 0 {
		return
	}
	if p.options.Restore != nil {
		return // what is written meanwhile would be lost if it were taken back
	}
	step.Shared = p.sharedGates(step)
	p.wayBackOf(step)
	p.watch = append(p.watch, step)
	baseline := p.baselineOf(step)
	p.shift = append([]Step{baseline}, p.shift...)
	p.noteWatch(step)
}

// An error rate that is asked for is judged within these: of none at all and of all
// there is no likelihood.
const (
	leastErrorRate = 0.001
	mostErrorRate  = 0.99
)

func (p *Planner) watchLimits() WatchLimits {
	settings := p.project.Settings.Watch
	limits := WatchLimits{P95Ratio: settings.MaxP95Ratio}
	if share, err := strconv.ParseFloat(strings.TrimSuffix(settings.MaxErrorRate, "%"), 64); err == nil {
		limits.ErrorRate = min(max(share/100, leastErrorRate), mostErrorRate)
	}
	return limits
}

// watchOver adds the container behind a gate.
func (p *Planner) watchOver(step *WatchStep, gate *GateStep) {
	service, container := gate.Spec.Service, KeptContainer{Name: gate.Spec.Container}
	inPlace := false
	for _, c := range p.state.ContainersOf(service) {
		if c.Name == gate.Spec.Container && !p.renames(c) {
			container.ID, inPlace = c.ID, true
		}
	}
	at := slices.IndexFunc(step.Subjects, func(s WatchSubject) bool { return s.Service == service })
	if at < 0 {
		at = len(step.Subjects)
		step.Subjects = append(step.Subjects, p.subject(service, inPlace))
	}
	step.Subjects[at].Containers = append(step.Subjects[at].Containers, container)
	if gate.Candidate == nil && gate.Spec.Kind != GateDirect {
		return // who is not asked over HTTP shows how it is by itself
	}
	spec := gate.Spec
	spec.Successes, spec.MinReady, spec.Smoke, spec.Deadline, spec.Why = 1, 0, nil, watchPatience, ""
	step.Gates = append(step.Gates, spec)
}

// renames tells whether the container makes room for one of the same name.
func (p *Planner) renames(c Container) bool {
	return slices.ContainsFunc(p.shift, func(step Step) bool {
		rename, is := step.(*RenameStep)
		return is && rename.Old == c.Name
	})
}

// subject is a service whose requests are compared where they pass the edge.
func (p *Planner) subject(serviceName string, inPlace bool) WatchSubject {
	subject := WatchSubject{Service: serviceName}
	service, _ := p.project.Service(serviceName)
	if service.Route == nil || p.native() {
		return subject
	}
	for _, target := range p.state.Routes[serviceName].Targets {
		if target.Weight > 0 && !slices.Contains(subject.Generations, target.Generation) {
			subject.Generations = append(subject.Generations, target.Generation)
		}
	}
	subject.Generation = fmt.Sprint(p.plan.To)
	if inPlace && len(subject.Generations) > 0 {
		subject.Generation = subject.Generations[0]
	}
	return subject
}

// sharedGates are the containers of databases and the like that stay.
func (p *Planner) sharedGates(step *WatchStep) []GateSpec {
	var gates []GateSpec
	for _, s := range p.project.Services {
		changes := slices.ContainsFunc(step.Subjects, func(subject WatchSubject) bool { return subject.Service == s.Name })
		if s.Role != project.RoleStateful || changes {
			continue
		}
		for _, c := range p.state.ContainersOf(s.Name) {
			if c.Running {
				gates = append(gates, askedOnce(gateSpec(s, c.Name)))
			}
		}
	}
	return gates
}

func askedOnce(spec GateSpec) GateSpec {
	spec.Successes, spec.MinReady, spec.Smoke, spec.Deadline, spec.Why = 1, 0, nil, max(sharedWait, spec.Timeout+time.Second), ""
	return spec
}

// wayBackOf finds out what of the old version is kept.
func (p *Planner) wayBackOf(step *WatchStep) {
	planned := Plan{Phases: []Phase{{PhaseShift, p.shift}, {PhaseCommit, p.commit}}}
	for _, stop := range planned.stops() {
		kept := KeptContainer{stop.Name, stop.ID}
		if !slices.ContainsFunc(step.Subjects, func(s WatchSubject) bool { return slices.Contains(s.Containers, kept) }) {
			step.Keeps = append(step.Keeps, kept)
		}
		if route := p.state.Routes[stop.Service]; step.Warm && !p.native() && len(route.Targets) > 0 && p.keptRunning(stop) {
			step.Former = append(step.Former, GateSpec{Service: stop.Service, Container: stop.Name, Kind: GateDirect, Port: cmp.Or(p.portOf(route, stop.Name), route.Port),
				Host: hostOf(route.Hosts), HealthPath: cmp.Or(route.HealthPath, "/"), AnyAnswer: true, Timeout: gateTimeout, Successes: 1, Deadline: sharedWait})
		}
	}
	switch {
	case len(step.Keeps) == 0:
		step.OneWay = "no container of an old version is kept"
	case slices.ContainsFunc(p.plan.Migrations, func(m Migrated) bool { return m.Verdict == MigrationsBreaking }):
		step.OneWay = "the old version does not survive the migrations"
	}
}

// keptRunning tells whether a container stops only after the commit.
func (p *Planner) keptRunning(stop *StopStep) bool {
	planned := Plan{Phases: []Phase{{PhaseShift, p.shift}}}
	return !slices.ContainsFunc(planned.stops(), func(s *StopStep) bool { return s.Name == stop.Name })
}

func (p *Planner) portOf(route RouteState, containerName string) int {
	for _, target := range route.Targets {
		if target.Container == containerName {
			return target.Port
		}
	}
	return 0
}

// baselineOf plans what is kept of the old version.
func (p *Planner) baselineOf(step *WatchStep) *BaselineStep {
	baseline := &BaselineStep{Former: step.Former}
	for _, subject := range step.Subjects {
		if subject.Generation != "" {
			baseline.Services = append(baseline.Services, subject.Service)
			baseline.Generations = append(baseline.Generations, subject.Generations...)
		}
		for _, c := range p.state.ContainersOf(subject.Service) {
			if c.Running {
				baseline.Containers = append(baseline.Containers, c.Name)
			}
		}
	}
	baseline.Shared = step.Shared
	return baseline
}

// noteWatch says what is judged by the watch, and what cannot be.
func (p *Planner) noteWatch(step *WatchStep) {
	var compared, fresh, names []string
	for _, subject := range step.Subjects {
		names = append(names, subject.Service)
		switch {
		case subject.Generation == "":
		case len(subject.Generations) == 0:
			fresh = append(fresh, subject.Service)
		default:
			compared = append(compared, subject.Service)
		}
	}
	text := "the watch looks at restarts, health and memory of " + strings.Join(names, ", ")
	if len(compared) > 0 {
		text = "the watch compares errors and latency of " + strings.Join(compared, ", ") + " with the old version's, and looks at restarts, health and memory of " + strings.Join(names, ", ")
	}
	if len(fresh) > 0 && step.Limits.ErrorRate == 0 {
		text += "; there is nothing to compare the requests of " + strings.Join(fresh, ", ") + " with"
	}
	if p.native() {
		text += "; requests do not pass the edge: errors and latency cannot be judged"
	}
	if len(step.Shared) > 0 {
		text += "; it waits while " + containersOf(step.Shared) + " is at fault"
	}
	if step.OneWay != "" {
		text += "; what is worse is only said, because " + step.OneWay
	}
	p.note("", false, "%s", text)
}

func containersOf(gates []GateSpec) string {
	var names []string
	for _, gate := range gates {
		names = append(names, gate.Container)
	}
	return strings.Join(names, " or ")
}
