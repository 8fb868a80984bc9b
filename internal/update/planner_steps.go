package update

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/project"
)

// start plans a new container; it takes over the anonymous volumes of the one
// that it replaces, as docker compose does.
func (r *roll) start(old *Container, detail string) *StartStep {
	number := r.freeNumber(r.service.Name)
	name := r.containerName(r.service, number)
	r.take(r.service.Name, number, name)
	step := &StartStep{Service: r.service.Name, Name: name, Number: number, Release: r.plan.To, Grace: r.service.StopGrace, Detail: detail}
	if old != nil {
		step.Inherit = old.ID
	}
	return step
}

// besideText says beside what a new container starts, and whether it fits.
func (r *roll) besideText(old []Container, i int) string {
	if i >= len(old) {
		return "new"
	}
	text := "beside " + old[i].Name
	if need, free := r.narrowestMemory(r.secondCopy()); need > 0 {
		text += fmt.Sprintf(" (needs %s, %s available)", BytesText(need), BytesText(free))
	}
	return text
}

// gate plans the wait for a new container. A routed one is known to the edge
// beforehand, as a target without requests.
func (r *roll) gate(name string, fresh []TargetRef) *GateStep {
	spec := r.gateSpec(name)
	if r.service.Route == nil || r.native() {
		return &GateStep{Spec: spec}
	}
	candidate := r.wantedRoute(r.service)
	if r.takeover || r.claimedByAnother(candidate) {
		candidate.Listeners = nil // the port or the path is still another's
	} else {
		candidate.Targets = slices.Clone(r.now)
	}
	for _, target := range fresh {
		if !slices.ContainsFunc(candidate.Targets, func(t TargetRef) bool { return t.Container == target.Container }) {
			target.Weight = 0
			candidate.Targets = append(candidate.Targets, target)
		}
	}
	step := &GateStep{Spec: spec, Before: r.route, Candidate: &candidate}
	r.route = &candidate
	return step
}

// gateWhile is gate under the holds of a replacement. While requests wait, a
// version that takes much longer to boot than the one before is given up, so
// that the old one can answer them.
func (r *roll) gateWhile(holds []Step, name string, fresh []TargetRef) *GateStep {
	step := r.gate(name, fresh)
	boot := r.state.StepTimes[StepKey("gate", r.service.Name)]
	if len(holds) == 0 || boot <= 0 || r.service.Gate.Deadline > 0 {
		return step
	}
	if deadline := slowerBoot*boot + slackBoot; deadline < step.Spec.Deadline {
		step.Spec.Why = fmt.Sprintf("requests wait, and the version before took %s; gate: {deadline: %s} in the x-gapless of %s allows longer",
			DurationText(boot), step.Spec.Deadline, r.service.Name)
		step.Spec.Deadline = deadline
	}
	return step
}

// A new version may take so much longer to boot than the one before.
const (
	slowerBoot = 3
	slackBoot  = 5 * time.Second
)

// gateSpec says how a container of the service shows that it is healthy.
func gateSpec(s project.Service, name string) GateSpec {
	spec := GateSpec{Service: s.Name, Container: name, Timeout: gateTimeout, Successes: gateSuccesses,
		Deadline: DefaultGateDeadline, MinReady: gateMinReady}
	if s.Healthcheck != nil {
		spec.Deadline = max(shortestDeadline, s.Healthcheck.Deadline())
	}
	if s.Gate.Deadline > 0 {
		spec.Deadline = s.Gate.Deadline
	}
	switch {
	case s.Route != nil:
		spec.Kind, spec.Port, spec.HealthPath, spec.Smoke = GateEdge, s.Route.Port, s.Route.HealthPath, s.Route.Smoke
		spec.Host = hostOf(s.Route.Hosts)
	case s.Healthcheck != nil && len(s.Healthcheck.Test) > 0:
		spec.Kind, spec.Test, spec.Timeout = GateHealthcheck, s.Healthcheck.Test, s.Healthcheck.Timeout
		spec.Successes = commandSuccesses
	case s.Role == project.RoleWeb && s.HTTPPort > 0:
		spec.Kind, spec.Port = GateDirect, s.HTTPPort
	default:
		spec.Kind, spec.MinReady = GateRunning, runningMinReady
	}
	spec.Successes = cmp.Or(s.Gate.Successes, spec.Successes)
	return spec
}

// keep plans that a container survives a restart of the host, and that those
// stopped for it do not come back.
func (r *roll) keep(name string, instead []Container) []Step {
	var stopped []string
	for _, c := range instead {
		if c.Running && c.Restart != "no" && c.Restart != "" {
			stopped = append(stopped, r.nameNow(c))
		}
	}
	policy := cmp.Or(r.service.Restart, "no")
	if policy == "no" && len(stopped) == 0 {
		return nil
	}
	return []Step{&KeepStep{Name: name, Restart: policy, Instead: stopped}}
}

// nameNow is what an old container is called once its successor has its name.
func (r *roll) nameNow(c Container) string {
	if r.service.ContainerName == c.Name {
		return r.nameAside(c)
	}
	return c.Name
}

// switchTo plans the move of the requests to the given targets.
func (r *roll) switchTo(after []TargetRef) {
	r.now = after
	if r.service.Route == nil {
		return
	}
	route := r.wantedRoute(r.service).WithTargets(after...)
	step := &SwitchStep{Service: r.service.Name, Before: r.route, After: &route}
	for _, name := range r.losers(route) {
		if step.Instead == nil {
			step.Instead = map[string]RouteState{}
		}
		step.Instead[name] = r.state.Routes[name]
		delete(r.unrouted, name)
		r.note(r.service.Name, false, "takes over the route of %s, whose containers stay: docker compose up --remove-orphans removes them", name)
	}
	r.shift = append(r.shift, step)
	r.route = &route
	r.reached(r.service.Name, &route, after)
}

// drain plans the wait for the last requests of containers behind a route.
func (r *roll) drain(old []Container) { r.shift = append(r.shift, r.drainSteps(old)...) }

func (r *roll) drainSteps(old []Container) []Step {
	if r.service.Route == nil || r.takeover || len(old) == 0 {
		return nil
	}
	var names []string
	for _, c := range old {
		if c.Running {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Step{&DrainStep{Service: r.service.Name, Containers: names, AtMost: r.drainLimit()}}
}

func (r *roll) drainLimit() time.Duration {
	if r.service.Drain > 0 {
		return r.service.Drain
	}
	return DefaultDrain
}

// claimedByAnother tells whether a service that loses its route still has the
// host and path of this one.
func (r *roll) claimedByAnother(wanted RouteState) bool {
	return len(r.losers(wanted)) > 0
}

// losers lists services whose present route is in the way of a wanted one.
func (p *Planner) losers(wanted RouteState) []string {
	var names []string
	for name := range p.unrouted {
		if overlaps(placesOf(p.state.Routes[name]), placesOf(wanted)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stopping says how old containers are stopped.
type stopping struct {
	reason     string
	undoRoute  *RouteState
	successors []string // that must run before
	boots      bool     // nothing else comes back yet after a loss of power
}

// stop plans the stop of old containers, all of a batch at the same time, and
// their removal after the commit.
func (r *roll) stop(old []Container, how stopping) {
	for _, c := range old {
		r.remove(c, true)
	}
	r.shift = append(r.shift, r.stopSteps(old, how)...)
}

func (r *roll) stopSteps(old []Container, how stopping) []Step {
	var quiesces, steps []Step
	for _, c := range old {
		if c.Running || c.Restarting {
			step := r.stopStep(c, how)
			quiesces, steps = append(quiesces, r.quiesce(step, c)...), append(steps, step)
		}
	}
	return append(parallel(quiesces), parallel(steps)...)
}

func (r *roll) stopStep(c Container, how stopping) *StopStep {
	return &StopStep{Service: r.service.Name, Name: c.Name, ID: c.ID, Signal: cmp.Or(c.StopSignal, "SIGTERM"),
		Grace: r.service.StopGrace, Restart: c.Restart, UndoRoute: how.undoRoute, Gate: r.oldGate(c, how.undoRoute),
		Successors: how.successors, Boots: how.boots, Why: how.reason}
}

// quiesce plans the declared command that makes a worker take no more jobs
// before it stops.
func (r *roll) quiesce(stop *StopStep, c Container) []Step {
	if len(r.service.Quiesce) == 0 || !c.Running {
		return nil
	}
	return []Step{&QuiesceStep{Command: r.service.Quiesce, AtMost: r.drainLimit(), StartedAt: c.StartedAt, StopStep: *stop}}
}

// gateSpec is gateSpec where the service stands: an nginx that passes requests on
// by itself is no way to a container that shall not get any yet.
func (r *roll) gateSpec(name string) GateSpec {
	spec := gateSpec(r.service, name)
	if spec.Kind == GateEdge && r.native() {
		spec.Kind = GateDirect
	}
	return spec
}

// oldGate says when an old container that was started again counts as serving.
// It need not know the health path or the healthcheck of its successor.
func (r *roll) oldGate(c Container, route *RouteState) *GateSpec {
	spec := GateSpec{Service: r.service.Name, Container: c.Name, Kind: GateRunning, Timeout: gateTimeout,
		Successes: 1, Deadline: gateSpec(r.service, c.Name).Deadline}
	switch {
	case r.native() && r.service.Route != nil:
		spec.Kind, spec.AnyAnswer, spec.HealthPath = GateDirect, true, cmp.Or(r.service.Route.HealthPath, "/")
		spec.Port = cmp.Or(r.target(c, r.plan.From).Port, r.service.Route.Port)
		return &spec
	case route == nil:
		return &spec
	}
	spec.Kind, spec.AnyAnswer = GateEdge, true
	spec.Host, spec.HealthPath = hostOf(route.Hosts), cmp.Or(route.Path, "/")
	spec.Port = cmp.Or(r.target(c, r.plan.From).Port, route.Port)
	return &spec
}

// hostOf is a host name that a route answers for; empty for any.
func hostOf(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return strings.Replace(hosts[0], "*.", "www.", 1)
}

// undoRoute is the route under which old containers that were stopped are
// tried out again: known to the edge, without requests.
func (r *roll) undoRoute(serving []TargetRef, old []Container) *RouteState {
	if r.service.Route == nil || r.route == nil || r.native() {
		return nil
	}
	route := r.wantedRoute(r.service).WithTargets(append(slices.Clone(serving), r.silent(old)...)...)
	return &route
}

// silent lists containers as targets without requests.
func (r *roll) silent(containers []Container) []TargetRef {
	var targets []TargetRef
	for _, c := range containers {
		t := r.target(c, r.plan.From)
		t.Weight = 0
		targets = append(targets, t)
	}
	return targets
}

// fresh is a new container as a target.
func (r *roll) fresh(name string) TargetRef {
	t := TargetRef{Container: name, Generation: fmt.Sprint(r.plan.To), Weight: 1}
	if r.service.Route != nil {
		t.Port = r.service.Route.Port
	}
	return t
}

// without is the targets that do not belong to the given containers.
func (r *roll) without(targets []TargetRef, gone []Container) []TargetRef {
	var left []TargetRef
	for _, t := range targets {
		if !slices.ContainsFunc(gone, func(c Container) bool { return c.Name == t.Container }) {
			left = append(left, t)
		}
	}
	return left
}

// target is a container that serves, with the release that it belongs to and
// the port that it listens on, which need not be that of its successor.
func (p *Planner) target(c Container, release int) TargetRef {
	t := TargetRef{Container: c.Name, Generation: fmt.Sprint(release), Weight: 1}
	route := p.routeOf(c.Service)
	if route == nil {
		return t
	}
	t.Port = route.Port
	for _, have := range route.Targets {
		if have.Container == c.Name {
			t.Generation, t.Weight, t.Port = have.Generation, max(1, have.Weight), cmp.Or(have.Port, t.Port)
		}
	}
	return t
}

// routeOf is the route of a service as the edge has it; nil if it has none.
func (p *Planner) routeOf(serviceName string) *RouteState {
	if h := p.handover[serviceName]; h != nil && h.route != nil {
		return h.route // opened wider already
	}
	if route, ok := p.state.Routes[serviceName]; ok {
		return &route
	}
	return nil
}

// listeners is where the edge takes requests for this project.
func (p *Planner) listeners() []string {
	return p.project.Settings.Edge.Addresses(project.ListenerAll)
}

// sameRoute compares what requests see of two routes.
func sameRoute(a, b RouteState) bool {
	names := func(r RouteState) []string {
		var list []string
		for _, t := range r.Targets {
			if t.Weight > 0 {
				list = append(list, t.Container)
			}
		}
		slices.Sort(list)
		return list
	}
	return a.Outdated == b.Outdated && a.Path == b.Path && a.Port == b.Port && slices.Equal(a.Hosts, b.Hosts) &&
		slices.Equal(a.Listeners, b.Listeners) && slices.Equal(names(a), names(b))
}
