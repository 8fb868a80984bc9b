package update

import (
	"slices"

	"gapless/internal/change"
)

// turnover is the replacement of all containers of a service at once, which
// the strategies quick and blue-green are made of.
type turnover struct {
	*roll
	change change.Change
	old    []Container // that go; those that are too many have no successor and come last
	kept   []TargetRef // containers that fit
	count  int         // of new ones
	fresh  []string    // their names
	after  []TargetRef // who is to get the requests
	holds  []Step
	beside bool // new and old run at the same time
}

func (p *Planner) newTurnover(w work, beside bool) *turnover {
	p.letGo(w.service)
	r, old := p.newRoll(w.service, w.change)
	t := &turnover{roll: r, change: w.change, old: old, count: len(old) + w.change.Missing, beside: beside}
	if len(old) > 0 || len(w.change.Keep) == 0 {
		// Those that are too many are of the old version as well, and go with it.
		t.old = append(t.old, r.named(w.change.Surplus)...)
		t.change.Surplus = nil
	}
	t.kept = r.without(r.now, t.old)
	t.after = t.kept
	return t
}

// start starts a successor of each old container, and those that are missing.
func (t *turnover) start() {
	for i := range t.count {
		old := successorOf(t.old, i)
		detail := t.besideText(t.old, i)
		if old != nil && !t.beside {
			detail = "after " + old.Name
			if t.service.ContainerName != "" {
				t.shift = append(t.shift, t.renameAway(*old))
			}
		}
		step := t.roll.start(old, detail)
		t.shift = append(t.shift, step)
		t.fresh = append(t.fresh, step.Name)
		t.after = append(slices.Clone(t.after), t.roll.fresh(step.Name))
	}
}

// await waits for the new containers, and returns what lets them survive a
// restart of the host.
func (t *turnover) await() (keeps []Step) {
	for i, name := range t.fresh {
		t.shift = append(t.shift, t.gateWhile(t.holds, name, t.after[len(t.kept):]))
		var instead []Container
		if i < len(t.old) && !t.beside {
			instead = t.old[i : i+1]
			if i == t.count-1 {
				instead = t.old[i:]
			}
		}
		keeps = append(keeps, t.keep(name, instead)...)
	}
	t.takeover = false
	return keeps
}

// switchAll moves the requests of all services in one act.
func (p *Planner) switchAll(all []*turnover) {
	mark := len(p.shift)
	for _, t := range all {
		t.switchTo(t.after)
	}
	switches := p.shift[mark:]
	if len(switches) < 2 {
		return
	}
	first := switches[0].(*SwitchStep)
	for _, step := range switches[1:] {
		first.Also = append(first.Also, step.(*SwitchStep).moves()...)
	}
	p.shift = p.shift[:mark+1]
}
