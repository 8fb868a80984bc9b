package update

import (
	"slices"
	"time"

	"gapless/internal/project"
)

// reloadLimit bounds a declared command that makes a container reload.
const reloadLimit = time.Minute

// reload plans the replacement in place: each old container has stopped before
// its successor starts, and requests wait. It needs no memory for second
// copies. What fits as it is and was asked for is restarted.
func (p *Planner) reload() {
	p.inPlace = true
	p.rolling()
}

// restartAsked tells whether a service that fits as it is is to be restarted:
// the strategy was asked for, and either the service too or nothing changed.
func (p *Planner) restartAsked(s project.Service) bool {
	if p.options.Strategy != StrategyReload || !p.running(s) {
		return false
	}
	if len(p.options.Named) > 0 {
		return slices.Contains(p.options.Named, s.Name)
	}
	return len(p.changes) == 0 && (work{service: s}).is(project.RoleWeb, project.RoleWorker, project.RoleScheduler)
}

// restart plans that the containers of a service go on as they are after a
// restart or a reload, one at a time. The requests go to the others meanwhile,
// or wait.
func (p *Planner) restart(w work, reason string) {
	r, _ := p.newRoll(w.service, w.change)
	r.stale = w.change.Stale
	for _, c := range p.state.ContainersOf(w.service.Name) {
		if c.Running {
			r.restartOne(c, reason)
		}
	}
}

func (r *roll) restartOne(c Container, reason string) {
	all, one := r.now, []Container{c}
	others := r.without(all, one)
	hold := r.holds(others, reason)
	r.shift = append(r.shift, hold...)
	if len(hold) == 0 && r.routed() {
		r.switchTo(others)
	}
	r.drain(one)
	r.now = others
	stop := r.stopStep(c, stopping{reason: reason, undoRoute: r.undoRouteHeld(others, one), boots: true})
	r.shift = append(r.shift, r.quiesce(stop, c)...)
	if how := r.service.Reload; how != nil && len(r.stale) == 0 {
		r.shift = append(r.shift, &ReloadStep{Service: r.service.Name, Name: c.Name, ID: c.ID, Signal: how.Signal, Command: how.Command,
			AtMost: reloadLimit, UndoRoute: stop.UndoRoute, Gate: stop.Gate, Why: reason})
	} else {
		r.shift = append(r.shift, &RestartStep{StopStep: *stop, StartedAt: c.StartedAt})
	}
	again := r.target(c, r.plan.From)
	r.shift = append(r.shift, r.gateWhile(hold, c.Name, []TargetRef{again}))
	r.refresh(false)
	r.switchTo(all)
	r.shift = append(r.shift, releases(hold)...)
	r.predict(len(hold) > 0, len(others) > 0, reason)
}
