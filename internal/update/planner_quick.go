package update

import (
	"slices"

	"gapless/internal/change"
	"gapless/internal/project"
)

// quick plans the replacement of everything at once: the old version has
// stopped before the migrations run, and the new one starts after them, so
// that neither ever meets the other's schema. Requests wait meanwhile.
//
// What may take long and costs no request comes first: workers finish their
// jobs before the first request has to wait.
func (p *Planner) quick() {
	var webs, others []*quickRoll
	var jobs, rest []work
	for _, w := range p.work {
		switch {
		case w.is(project.RoleJob):
			jobs = append(jobs, w)
		case w.is(project.RoleStateful, project.RoleFront):
			rest = append(rest, w)
		case w.is(project.RoleWeb):
			webs = append(webs, p.newQuickRoll(w))
		default:
			others = append(others, p.newQuickRoll(w))
		}
	}
	for _, r := range others {
		r.stopOld()
	}
	for _, r := range webs {
		r.hold()
	}
	for _, r := range webs {
		r.drainOld()
	}
	for _, r := range webs {
		r.stopOld()
	}
	for _, w := range jobs {
		p.job(w.service, w.change)
	}
	startAll(p, webs)
	for _, r := range webs {
		r.release()
	}
	startAll(p, others)
	for _, r := range slices.Concat(webs, others) {
		r.finish(r.change)
	}
	for _, w := range rest {
		p.roll(w.service, w.change)
	}
}

// startAll starts all new containers, then waits for each.
func startAll(p *Planner, rolls []*quickRoll) {
	for _, r := range rolls {
		r.start()
	}
	for _, r := range rolls {
		r.await()
	}
	for _, r := range rolls {
		r.switchTo(r.after)
	}
}

// quickRoll is the replacement of one service whose old containers stop before
// anything new starts.
type quickRoll struct {
	*roll
	change change.Change
	old    []Container
	kept   []TargetRef // containers that fit
	holds  []Step
	gates  []string // new containers
	after  []TargetRef
	served bool // there were containers to answer requests
}

func (p *Planner) newQuickRoll(w work) *quickRoll {
	p.letGo(w.service)
	r, old := p.newRoll(w.service, w.change)
	return &quickRoll{roll: r, change: w.change, old: old, kept: r.without(r.now, old), served: len(r.now) > 0}
}

// reason is why the old containers stop first.
const quickReason = "old and new never run together"

// hold lets the requests wait, if there are any that could.
func (r *quickRoll) hold() {
	if r.routed() && r.served && len(r.old) > 0 {
		r.holds = []Step{&HoldStep{Service: r.service.Name, Limit: r.holdLimit(), Why: quickReason}}
		r.shift = append(r.shift, r.holds...)
	}
}

func (r *quickRoll) drainOld() { r.drain(r.old) }

// stopOld stops the old containers of the service.
func (r *quickRoll) stopOld() {
	r.stop(r.old, stopping{reason: quickReason, undoRoute: r.undoRouteHeld(r.kept, r.old), boots: true})
	r.now = r.kept
	if r.routed() { // from here on the way back must not find the old ones
		left := r.route.WithTargets(r.kept...)
		r.route = &left
	}
}

// start starts a successor of each old container, and those that are missing.
func (r *quickRoll) start() {
	r.after = r.kept
	for i := range len(r.old) + r.change.Missing {
		old := successorOf(r.old, i)
		detail := "new"
		if old != nil {
			detail = "after " + old.Name
			if r.service.ContainerName != "" {
				r.shift = append(r.shift, r.renameAway(*old))
			}
		}
		step := r.roll.start(old, detail)
		r.shift = append(r.shift, step)
		r.gates = append(r.gates, step.Name)
		r.after = append(slices.Clone(r.after), r.fresh(step.Name))
	}
}

// await waits for the new containers, and lets them survive a restart of the
// host instead of the old ones.
func (r *quickRoll) await() {
	var gates, keeps []Step
	for i, name := range r.gates {
		gates = append(gates, r.gate(name, r.after))
		var instead []Container
		if i < len(r.old) {
			instead = r.old[i : i+1]
		}
		keeps = append(keeps, r.keep(name, instead)...)
	}
	r.shift = append(append(r.shift, gates...), keeps...)
	r.takeover = false
}

// release lets the waiting requests go on.
func (r *quickRoll) release() {
	r.shift = append(r.shift, releases(r.holds)...)
	if len(r.old) > 0 {
		r.predict(len(r.holds) > 0, len(r.kept) > 0, quickReason)
	}
}
