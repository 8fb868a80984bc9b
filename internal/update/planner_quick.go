package update

import (
	"slices"
	"time"

	"gapless/internal/project"
)

// quickReason is why the old containers stop first.
const quickReason = "old and new never run together"

// quick plans the replacement of everything at once: the old version has
// stopped before the migrations run, and the new one starts after them, so
// that neither ever meets the other's schema. Requests wait meanwhile.
//
// What may take long and costs no request comes first: workers finish their
// jobs before the first request has to wait.
func (p *Planner) quick() {
	var webs, others []*turnover
	var jobs, fronts []work
	for _, w := range p.afterStateful() {
		switch {
		case w.is(project.RoleJob):
			jobs = append(jobs, w)
		case w.is(project.RoleFront):
			fronts = append(fronts, w)
		case w.is(project.RoleWeb):
			webs = append(webs, p.newTurnover(w, false))
		default:
			others = append(others, p.newTurnover(w, false))
		}
	}
	for _, t := range others {
		t.stopOld()
	}
	for _, t := range webs {
		t.hold()
	}
	for _, t := range webs {
		t.drain(t.old)
	}
	for _, t := range webs {
		t.stopOld()
	}
	p.exchange()
	for _, w := range jobs {
		p.job(w.service, w.change)
	}
	p.migrate()
	p.bringUp(webs)
	if p.options.Restore != nil {
		p.startAll(others) // before requests go on: what they write would be lost if these fail
	}
	p.handOverRequests(webs)
	for _, t := range webs {
		t.release()
	}
	if p.options.Restore == nil {
		p.startAll(others)
	}
	for _, t := range slices.Concat(webs, others) {
		t.finish(t.change)
	}
	for _, w := range fronts {
		p.roll(w.service, w.change)
	}
}

// afterStateful plans what replaces no container, and then the services that
// the others keep their data in: a new version may need a new one of them, and
// what really serves is drained while one of them is replaced. It returns the
// rest of the work.
func (p *Planner) afterStateful() (rest []work) {
	for _, w := range p.work {
		switch {
		case p.aside(w):
		case w.is(project.RoleStateful):
			p.roll(w.service, w.change)
		default:
			rest = append(rest, w)
		}
	}
	return rest
}

// startAll starts all new containers, waits for each and gives them the
// requests.
func (p *Planner) startAll(all []*turnover) {
	p.bringUp(all)
	p.handOverRequests(all)
}

// bringUp starts all new containers and waits for each. What another one needs is
// waited for before that starts.
func (p *Planner) bringUp(all []*turnover) {
	var keeps []Step
	var chain time.Duration
	for _, group := range p.inOrder(all) {
		var slowest time.Duration
		for _, t := range group {
			t.start()
			slowest = max(slowest, p.state.StepTimes[StepKey("gate", t.service.Name)])
		}
		for _, t := range group {
			keeps = append(keeps, t.await()...)
		}
		chain += slowest
	}
	for _, t := range all {
		t.chain = chain
	}
	p.shift = append(p.shift, keeps...)
}

// inOrder groups services that do not need each other; each group comes after what
// it needs.
func (p *Planner) inOrder(all []*turnover) (groups [][]*turnover) {
	left := all
	for len(left) > 0 {
		var group, later []*turnover
		for _, t := range left {
			needsOne := slices.ContainsFunc(left, func(other *turnover) bool {
				return other != t && p.dependsOn(t.service.Name, other.service.Name, nil)
			})
			if needsOne {
				later = append(later, t)
			} else {
				group = append(group, t)
			}
		}
		if len(group) == 0 { // a circle, which Compose refuses
			group, later = later, nil
		}
		groups, left = append(groups, group), later
	}
	return groups
}

// handOverRequests gives the requests to the new containers.
func (p *Planner) handOverRequests(all []*turnover) {
	for _, t := range all {
		t.refresh(false)
	}
	p.switchAll(all)
}

// hold lets the requests wait, if there are any that could.
func (t *turnover) hold() {
	switch serving := t.routed() && len(t.now) > 0 && len(t.old) > 0; {
	case serving && t.native():
		t.switchTo(t.kept) // what cannot wait is refused, and what is under way ends
	case serving:
		t.holds = []Step{t.holdStep(t.service.Name, t.holdLimit(), quickReason)}
		t.shift = append(t.shift, t.holds...)
	}
}

// stopOld stops the old containers of the service.
func (t *turnover) stopOld() {
	t.refresh(true)
	t.stop(t.old, stopping{reason: quickReason, undoRoute: t.undoRouteHeld(t.kept, t.old), boots: true})
	t.now = t.kept
	if t.routed() { // from here on the way back must not find the old ones
		left := t.route.WithTargets(t.kept...)
		t.route = &left
	}
}

// release lets the waiting requests go on.
func (t *turnover) release() {
	t.shift = append(t.shift, releases(t.holds)...)
	if len(t.old) > 0 {
		t.predict(len(t.holds) > 0, len(t.kept) > 0, quickReason)
	}
}
