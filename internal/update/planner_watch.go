package update

import (
	"cmp"
	"time"
)

// DefaultWarm is how long the old version of a blue-green update stays warm
// where no watch says otherwise.
const DefaultWarm = 30 * time.Second

// addWatch plans the look at the new version before the commit.
func (p *Planner) addWatch() {
	duration := cmp.Or(p.options.Watch, p.project.Settings.Watch.For)
	if duration == 0 && p.plan.Strategy == StrategyBlueGreen {
		duration = DefaultWarm
	}
	step := &WatchStep{For: duration, Warm: p.plan.Strategy == StrategyBlueGreen}
	for _, planned := range p.shift {
		gate, isGate := planned.(*GateStep)
		if !isGate || gate.Candidate == nil && gate.Spec.Kind != GateDirect {
			continue // who is not asked over HTTP was seen to stay up, no more
		}
		spec := gate.Spec
		spec.Successes, spec.MinReady, spec.Smoke, spec.Deadline, spec.Why = 1, 0, nil, watchPatience, ""
		step.Gates = append(step.Gates, spec)
	}
	if p.options.Restore != nil {
		return // what is written meanwhile would be lost if it were taken back
	}
	if duration > 0 && !p.options.NoWatch && len(step.Gates) > 0 {
		p.watch = append(p.watch, step)
	}
}
