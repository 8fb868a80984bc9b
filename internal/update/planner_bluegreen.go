package update

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/project"
)

// blueGreen plans all new containers beside all old ones and one switch of all
// routes. The old ones keep running until the commit, and the switch comes last,
// so that the way back begins with one switch too.
func (p *Planner) blueGreen() {
	rest := p.afterStateful()
	p.migrate()
	var webs, workers []*turnover
	var alone []work
	for _, w := range rest {
		switch {
		case w.is(project.RoleJob):
			p.job(w.service, w.change)
		case w.takesRequests() && p.canStandBeside(w):
			webs = append(webs, p.newTurnover(w, true))
		case w.is(project.RoleWorker) && p.canStandBeside(w):
			workers = append(workers, p.newTurnover(w, true))
		default:
			alone = append(alone, w)
		}
	}
	p.bringUp(append(webs[:len(webs):len(webs)], workers...))
	for _, t := range workers { // two versions would share the jobs
		t.stop(t.old, stopping{})
	}
	for _, w := range alone {
		p.note(w.service.Name, false, "cannot stand beside its old version: it is replaced before the switch")
		p.roll(w.service, w.change)
	}
	p.handOverRequests(webs)
	for _, t := range slices.Concat(webs, workers) {
		t.finish(t.change)
	}
	p.retire(webs)
}

// canStandBeside tells whether old and new containers of a service may run at
// the same time.
func (p *Planner) canStandBeside(w work) bool {
	r, _ := p.newRoll(w.service, w.change)
	_, alone := r.cannotOverlap()
	return !alone && !r.takeover
}

// retire plans that the old containers go once the release is decided.
func (p *Planner) retire(all []*turnover) {
	for _, t := range all {
		p.commit = append(p.commit, t.drainSteps(t.old)...)
	}
	for _, t := range all {
		p.commit = append(p.commit, t.stopSteps(t.old, stopping{successors: routedNames(t.service, t.after)})...)
	}
	for _, t := range all {
		p.commit = append(p.commit, t.refreshSteps(false)...)
	}
	for _, t := range all {
		for _, c := range t.old {
			t.remove(c, true)
		}
	}
}

// blueGreenFits refuses the strategy where the second copies do not fit.
func (p *Planner) blueGreenFits() error {
	var needs share
	counts := map[string]int{}
	for _, w := range p.work {
		if !w.takesRequests() && !w.is(project.RoleWorker) || !p.canStandBeside(w) {
			continue
		}
		_, old := p.newRoll(w.service, w.change)
		counts[w.service.Name] = len(old) + w.change.Missing
		needs = needs.and(p.shareOf(w.service.Name, counts[w.service.Name]))
	}
	lacks, need := p.lacking(nil, needs)
	if lacks == nil {
		return nil
	}
	var copies []string
	for _, w := range p.work {
		if total := lacks.copies[w.service.Name] * int64(counts[w.service.Name]); total > 0 {
			copies = append(copies, w.service.Name+" "+lacks.words.part(total))
		}
	}
	return &StrategyError{Strategy: StrategyBlueGreen,
		Reason:  fmt.Sprintf("the second copies need %s (%s); %s", lacks.words.amount(need), strings.Join(copies, ", "), lacks.roomAndReserve(need)),
		Instead: "rolling needs fewer second copies at a time, reload none: gapless plan --compare"}
}
