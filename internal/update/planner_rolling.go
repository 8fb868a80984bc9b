package update

import (
	"fmt"
	"strings"

	"gapless/internal/project"
)

// rolling replaces service by service. Services that do not need each other
// change in one wave: their new containers boot and prove themselves at the
// same time.
func (p *Planner) rolling() {
	for _, level := range p.levels() {
		var rest []work
		for _, w := range level {
			if p.aside(w) {
				continue
			}
			p.migrateBefore(w)
			if w.is(project.RoleJob) {
				p.job(w.service, w.change)
			} else {
				rest = append(rest, w)
			}
		}
		p.waves(rest)
	}
}

// levels sorts the work so that everything that a service needs changes before
// it. The jobs of a level come before its services.
func (p *Planner) levels() [][]work {
	var levels [][]work
	found := map[string]int{}
	for _, w := range p.work {
		level := p.levelOf(w, found)
		for len(levels) <= level {
			levels = append(levels, nil)
		}
		levels[level] = append(levels[level], w)
	}
	return levels
}

// levelOf is one more than the highest level of what a service needs, or the
// same where that is a job.
func (p *Planner) levelOf(w work, found map[string]int) int {
	if level, known := found[w.service.Name]; known {
		return level
	}
	found[w.service.Name] = 0 // ends a circle
	highest := 0
	for _, other := range p.work {
		if other.service.Name == w.service.Name || !p.needs(w, other) {
			continue
		}
		level := p.levelOf(other, found)
		if !other.is(project.RoleJob) {
			level++
		}
		highest = max(highest, level)
	}
	found[w.service.Name] = highest
	return highest
}

// needs tells whether a service needs another, directly or through others. Few
// files say that everything needs the databases and that a front needs what it
// stands before.
func (p *Planner) needs(w, other work) bool {
	if p.dependsOn(w.service.Name, other.service.Name, nil) {
		return true
	}
	silent := !w.is(project.RoleStateful) && other.is(project.RoleStateful) || w.is(project.RoleFront) && !other.is(project.RoleFront)
	return silent && !p.dependsOn(other.service.Name, w.service.Name, nil)
}

// bootsPerProcessor bounds how many containers boot at once: more of them would
// keep each other, and those that serve, from the processors.
const bootsPerProcessor = 2

// waves plans services that do not need each other, as many at the same time
// as the host has room for.
func (p *Planner) waves(all []work) {
	available := p.pools
	var current wave
	for _, w := range all {
		taken, boots := p.copies(w)
		if reason := p.crowded(current, taken, boots); reason != "" {
			p.note(w.service.Name, false, "starts after %s: %s", strings.Join(current.booting, ", "), reason)
			p.shift = append(p.shift, current.steps()...)
			current = wave{}
		}
		if boots > 0 {
			p.pools = without(available, current.taken)
		}
		current.add(w.service.Name, p.stepsOf(w), taken, boots)
		p.pools = available
	}
	p.shift = append(p.shift, current.steps()...)
}

// copies forecasts what the second copies of a service add while it changes:
// what they take, nothing if it is not known, and containers that boot.
func (p *Planner) copies(w work) (taken share, boots int) {
	r, old := p.newRoll(w.service, w.change)
	if _, stopFirst := r.order(len(old)); stopFirst {
		return nil, 0
	}
	batch := max(1, w.service.Parallelism)
	if len(old) > 0 {
		return r.secondCopy(), min(batch, len(old))
	}
	return nil, min(batch, w.change.Missing)
}

// crowded says why a service must wait for the wave before; empty if it need
// not.
func (p *Planner) crowded(before wave, taken share, boots int) string {
	most := p.state.Processors * bootsPerProcessor
	lacks, together := p.lacking(before.taken, taken)
	switch {
	case before.boots == 0 || boots == 0:
		return ""
	case lacks != nil:
		return fmt.Sprintf("all second copies at once need %s, %s", lacks.words.amount(together), lacks.roomAndReserve(together))
	case most > 0 && before.boots+boots > most:
		return fmt.Sprintf("%s would boot at once on %s", counted(before.boots+boots, "container"), counted(p.state.Processors, "processor"))
	}
	return ""
}

// stepsOf plans one service apart from the others.
func (p *Planner) stepsOf(w work) []Step {
	before := p.shift
	p.shift = nil
	p.roll(w.service, w.change)
	steps := p.shift
	p.shift = before
	return steps
}
