package update

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// roll plans the replacement of a long-running service.
func (p *Planner) roll(s project.Service, c change.Change) {
	p.letGo(s)
	r, old := p.newRoll(s, c)
	r.replace(old, c.Missing)
	r.finish(c)
}

// finish takes surplus containers out and ends a takeover that is still open.
func (r *roll) finish(c change.Change) {
	r.shrink(c.Surplus)
	if r.takeover { // some containers stay, and only the way to them changes
		r.takeover = false
		r.switchTo(r.now)
	}
}

// letGo takes a route away that a service shall not have any more, before the
// service takes the port back.
func (p *Planner) letGo(s project.Service) {
	if p.unrouted[s.Name] {
		p.dropRoute(s.Name)
		p.note(s.Name, true, "has no route any more: the edge stops answering for it")
	}
}

// newRoll is the replacement of a service before its first step, with the
// containers that do not fit any more.
func (p *Planner) newRoll(s project.Service, c change.Change) (*roll, []Container) {
	r := &roll{Planner: p, service: s, route: p.routeOf(s.Name)}
	byName := map[string]Container{}
	for _, container := range p.state.ContainersOf(s.Name) {
		byName[container.Name] = container
		if container.Running {
			r.now = append(r.now, p.target(container, p.plan.From))
		}
	}
	if s.Route != nil && r.route == nil && len(r.now) > 0 && !p.native() {
		r.takeover = p.hasPortOfEdge(s)
		r.past = !r.takeover
	}
	var old []Container
	for _, name := range c.Replace {
		old = append(old, byName[name])
	}
	return r, old
}

// roll is the replacement of one service under way: the targets that get its
// requests change with every batch.
type roll struct {
	*Planner
	service  project.Service
	route    *RouteState   // as the edge has it at this point of the plan
	now      []TargetRef   // that serve at this point of the plan
	takeover bool          // requests still come in another way than the edge, on a port that it needs
	past     bool          // the same, on another port or through a front that is yet to be told
	stale    []string      // mounts that only a start makes again
	chain    time.Duration // that all take which boot one after another, and among them this one; 0: not known, or alone
}

// replace plans batches of containers: old ones with a successor each, and
// missing ones that have no predecessor.
func (r *roll) replace(old []Container, missing int) {
	reason, stopFirst := r.order(len(old))
	batch := max(1, r.service.Parallelism)
	for len(old) > 0 {
		count := min(batch, len(old))
		if stopFirst && (len(r.now) > 0 || r.service.ContainerName != "") {
			r.stopFirst(old[:count], reason)
		} else {
			r.startFirst(old[:count], count)
		}
		old = old[count:]
	}
	for missing > 0 {
		count := min(batch, missing)
		r.startFirst(nil, count)
		missing -= count
	}
}

// order decides whether the old container must be gone before the new one
// starts, and says why.
func (r *roll) order(replaced int) (reason string, stopFirst bool) {
	if replaced == 0 {
		return "", false
	}
	if reason, yes := r.cannotOverlap(); yes {
		return reason, true
	}
	if r.inPlace {
		return "no second copy", true
	}
	return r.roomReason()
}

// cannotOverlap tells whether two containers of the service may never run at
// the same time, and why.
func (r *roll) cannotOverlap() (reason string, yes bool) {
	s := r.service
	if reason, yes := s.CannotOverlap(); yes && !r.portMovesToEdge(reason) {
		if s.Order == project.OrderStartFirst {
			r.note(s.Name, false, "order start-first is not possible: %s", reason)
		}
		return reason, true
	}
	switch {
	case s.Role == project.RoleScheduler:
		return "never two schedulers", true
	case s.Role == project.RoleStateful:
		return "never two databases on the same data", true
	case s.Order == project.OrderStopFirst && s.Route == nil:
		return "order: stop-first", true
	case s.Overlap != nil && !*s.Overlap:
		return "overlap: false", true
	}
	return "", false
}

// portMovesToEdge tells whether the only obstacle is a host port of the old
// container that the new one does not have any more.
func (r *roll) portMovesToEdge(reason string) bool {
	return r.takeover && len(r.service.HostPorts) == 0 && strings.HasPrefix(reason, "host port")
}

// roomReason forecasts whether a second copy fits beside the first.
func (r *roll) roomReason() (string, bool) {
	lacks, need := r.lacking(nil, r.secondCopy())
	if lacks == nil {
		return "", false
	}
	return fmt.Sprintf("a second copy needs %s, %s", lacks.words.amount(need), lacks.room(need)), true
}

// secondCopy is what a batch of new containers will take, judged by the running
// ones.
func (r *roll) secondCopy() share {
	return r.shareOf(r.service.Name, max(1, r.service.Parallelism))
}

// startFirst starts new containers beside the old ones and moves the requests
// once they are healthy.
func (r *roll) startFirst(old []Container, count int) {
	var gates, keeps []Step
	var fresh []TargetRef
	r.refresh(true)
	for i := range count {
		start := r.start(successorOf(old, i), r.besideText(old, i))
		r.shift = append(r.shift, start)
		fresh = append(fresh, r.fresh(start.Name))
		keeps = append(keeps, r.keep(start.Name, nil)...)
		gates = append(gates, r.gate(start.Name, fresh))
	}
	r.shift = append(append(r.shift, gates...), keeps...)
	after := r.without(r.now, old)
	after = append(after, fresh...)
	if r.takeover {
		r.takeOver(old, after)
		return
	}
	r.refresh(false)
	r.switchTo(after)
	r.drain(old)
	how := stopping{undoRoute: r.undoRoute(after, old)}
	if r.service.Route != nil {
		how.successors = names(fresh)
	}
	if r.past {
		r.stopLate(old, how)
		return
	}
	r.stop(old, how)
	r.refresh(false)
}

// hasPortOfEdge tells whether containers of a service have a port that the
// edge is to listen on. Where nobody looked who has which port, they may.
func (p *Planner) hasPortOfEdge(s project.Service) bool {
	for _, listener := range p.wantedRoute(s).Listeners {
		port := ListenerPort(listener)
		if port == 0 {
			continue // a socket
		}
		owner, taken := p.state.TakenPorts[port]
		if p.state.TakenPorts == nil || taken && slices.ContainsFunc(p.state.ContainersOf(s.Name), func(c Container) bool { return c.Name == owner }) {
			return true
		}
	}
	return false
}

// stopLate stops old containers when everything else is done: whoever still
// passes requests to them, as a front that is yet to be told, goes on until
// then.
func (r *roll) stopLate(old []Container, how stopping) {
	for _, c := range old {
		r.remove(c, true)
	}
	how.reason = "until then requests may come past the edge"
	r.late = append(r.late, r.stopSteps(old, how)...)
}

// takeOver stops the containers that have the port and gives it to the edge.
func (r *roll) takeOver(old []Container, after []TargetRef) {
	r.stop(old, stopping{reason: "frees its port for the edge"})
	r.now = after
	if r.remainsOld() {
		return // the port is free only when the last old container is gone
	}
	r.takeover = false
	r.switchTo(after)
	r.note(r.service.Name, true, "moves behind the edge once: requests fail from the stop of the old container until its last requests are answered and the edge listens; later updates have no gap")
}

// remainsOld tells whether a container of the old release still serves.
func (r *roll) remainsOld() bool {
	return slices.ContainsFunc(r.now, func(t TargetRef) bool { return t.Generation != fmt.Sprint(r.plan.To) })
}

// stopFirst stops old containers before it starts their successors. Requests
// go to the other replicas meanwhile; if there are none, they are held.
func (r *roll) stopFirst(old []Container, reason string) {
	others := r.without(r.now, old)
	serving := len(r.now) > 0
	hold := r.holds(others, reason)
	r.shift = append(r.shift, hold...)
	if len(hold) == 0 && r.routed() && serving {
		r.switchTo(others)
	}
	r.drain(old)
	r.refresh(true)
	r.stop(old, stopping{reason: reason, undoRoute: r.undoRouteHeld(others, old), boots: true})
	r.now = others
	if r.routed() { // from here on the way back must not find the old ones
		left := r.route.WithTargets(others...)
		r.route = &left
	}
	fresh := others
	var gates, keeps []Step
	for i := range old {
		if r.service.ContainerName != "" {
			r.shift = append(r.shift, r.renameAway(old[i]))
		}
		start := r.start(&old[i], "after "+old[i].Name)
		r.shift = append(r.shift, start)
		fresh = append(slices.Clone(fresh), r.fresh(start.Name))
		gates = append(gates, r.gateWhile(hold, start.Name, fresh))
		keeps = append(keeps, r.keep(start.Name, old[i:i+1])...)
	}
	r.shift = append(append(r.shift, gates...), keeps...)
	r.refresh(false)
	r.takeover = false
	r.switchTo(fresh)
	r.shift = append(r.shift, releases(hold)...)
	r.predict(len(hold) > 0, len(others) > 0, reason)
}

// undoRouteHeld is the route under which an old container that was stopped
// comes back: it gets the requests again, which are held until it answers.
func (r *roll) undoRouteHeld(others []TargetRef, old []Container) *RouteState {
	if !r.routed() || r.native() {
		return nil
	}
	route := *r.route
	route.Targets = slices.Clone(others)
	for _, c := range old {
		route.Targets = append(route.Targets, r.target(c, r.plan.From))
	}
	return &route
}

// names lists the containers of targets.
func names(targets []TargetRef) []string {
	var list []string
	for _, t := range targets {
		list = append(list, t.Container)
	}
	return list
}

// routed tells whether requests come through the edge at this point.
func (r *roll) routed() bool { return r.service.Route != nil && r.route != nil }

// holds plans what lets requests wait: those for the service itself, and for
// a database those of every routed service that depends on it.
func (r *roll) holds(others []TargetRef, reason string) []Step {
	if r.native() {
		return nil // nginx lets nobody wait
	}
	if r.service.Role == project.RoleStateful {
		return r.holdDependents(r.holdLimit())
	}
	if !r.routed() || len(others) > 0 || len(r.now) == 0 {
		return nil
	}
	return []Step{r.holdStep(r.service.Name, r.holdLimit(), reason)}
}

// holdStep lets the requests for a service wait; those that wait too long get
// the maintenance page.
func (p *Planner) holdStep(serviceName string, limit time.Duration, why string) *HoldStep {
	return &HoldStep{Service: serviceName, Limit: limit, Page: &Page{HTML: p.project.Maintenance.Page, RetryAfter: p.project.Maintenance.RetryAfter}, Why: why}
}

func (r *roll) holdLimit() time.Duration { return cmp.Or(r.service.HoldLimit, DefaultHold) }

// holdDependents holds and drains every routed service that needs the
// database, because its requests would fail meanwhile.
func (r *roll) holdDependents(limit time.Duration) []Step {
	var holds, drains []Step
	for _, s := range r.project.Services {
		route := r.routeOf(s.Name)
		if s.Route == nil || route == nil || !r.dependsOn(s.Name, r.service.Name, nil) {
			continue
		}
		holds = append(holds, r.holdStep(s.Name, limit, "needs "+r.service.Name))
		var names []string
		for _, target := range route.Targets {
			names = append(names, target.Container)
		}
		if len(names) > 0 {
			drains = append(drains, &DrainStep{Service: s.Name, Containers: names, AtMost: r.drainLimit()})
		}
	}
	return append(holds, drains...)
}

// dependsOn tells whether a service needs another, directly or through others.
func (p *Planner) dependsOn(serviceName, needed string, seen []string) bool {
	s, _ := p.project.Service(serviceName)
	for _, dependency := range s.DependsOn {
		if dependency == needed {
			return true
		}
		if !slices.Contains(seen, dependency) && p.dependsOn(dependency, needed, append(seen, dependency)) {
			return true
		}
	}
	return false
}

// releases ends the holds of a list of steps.
func releases(steps []Step) []Step {
	var ends []Step
	for _, step := range steps {
		if hold, ok := step.(*HoldStep); ok {
			ends = append(ends, &ReleaseStep{Service: hold.Service, Limit: hold.Limit, Page: hold.Page})
		}
	}
	return ends
}

// predict says what a stop-first replacement will cost.
func (r *roll) predict(held, others bool, reason string) {
	boot := "the time that " + r.service.Name + " takes to boot (not measured yet)"
	took := max(r.state.StepTimes[StepKey("gate", r.service.Name)], r.chain)
	if took > 0 {
		boot = fmt.Sprintf("about %s (measured by the last update)", took.Round(100*time.Millisecond))
	}
	switch {
	case held && took > r.holdLimit():
		r.note(r.service.Name, true, "%s: requests wait for %s, which is longer than the %s that they may wait (hold.limit): from then on they get the maintenance page", reason, boot, DurationText(r.holdLimit()))
	case held:
		r.note(r.service.Name, false, "%s: requests wait for %s, at most %s", reason, boot, DurationText(r.holdLimit()))
	case others:
	case len(r.service.HostPorts) > 0 && r.service.Role == project.RoleFront:
		r.note(r.service.Name, true, "%s: down while it answers what it has in hand and starts again, %s; where the edge has the port and it stands behind, there is no gap", reason, r.downText())
	case len(r.service.HostPorts) > 0:
		r.note(r.service.Name, true, "%s: down for %s; gapless init shows the change that removes this gap", reason, boot)
	case r.service.Role == project.RoleWeb || r.service.Role == project.RoleStateful || r.service.Role == project.RoleFront:
		r.note(r.service.Name, true, "%s: down for %s", reason, boot)
	}
}

// downText says for how long a front was down when it last stopped before its
// successor, or itself, started. Its gate only looks whether it stays up: that is
// no time without it.
func (r *roll) downText() string {
	took := r.state.StepTimes[StepKey("restart", r.service.Name)]
	stop, gate := r.state.StepTimes[StepKey("stop", r.service.Name)], r.state.StepTimes[StepKey("gate", r.service.Name)]
	if took == 0 && stop > 0 {
		took = stop + engineTime + max(0, gate-gateSpec(r.service, "").MinReady)
	}
	if took == 0 {
		return "for a time that was not measured yet"
	}
	return fmt.Sprintf("about %s by what earlier updates took", took.Round(100*time.Millisecond))
}

// shrink takes surplus containers out.
func (r *roll) shrink(surplus []string) {
	gone := r.named(surplus)
	if len(gone) == 0 {
		return
	}
	after := r.without(r.now, gone)
	r.switchTo(after)
	r.drain(gone)
	r.stop(gone, stopping{reason: "too many replicas", undoRoute: r.undoRoute(after, gone), successors: routedNames(r.service, after)})
}

// named lists containers of the service by their names.
func (r *roll) named(names []string) []Container {
	return slices.DeleteFunc(r.state.ContainersOf(r.service.Name), func(c Container) bool { return !slices.Contains(names, c.Name) })
}

// routedNames lists targets if the edge sends requests to them.
func routedNames(s project.Service, targets []TargetRef) []string {
	if s.Route == nil {
		return nil
	}
	return names(targets)
}

// successorOf is the old container whose place the i-th new one takes.
func successorOf(old []Container, i int) *Container {
	if i < len(old) {
		return &old[i]
	}
	return nil
}
