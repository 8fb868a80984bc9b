package update

import "reflect"

// together joins steps of one kind that follow each other and concern services
// that do not need each other: they happen at the same time.
func (p *Planner) together(steps []Step) []Step {
	var joined, run []Step
	for _, step := range steps {
		for _, part := range partsOf(step) {
			if !p.joins(run, part) {
				joined, run = append(joined, joinedSteps(run)...), nil
			}
			run = append(run, part)
		}
	}
	return append(joined, joinedSteps(run)...)
}

// partsOf lists the parts of a parallel step, and of any other itself.
func partsOf(step Step) []Step {
	group, ok := step.(*ParallelStep)
	if !ok {
		return []Step{step}
	}
	var parts []Step
	for _, part := range group.Steps {
		parts = append(parts, part.Step)
	}
	return parts
}

// joins tells whether a step may happen at the same time as others.
func (p *Planner) joins(run []Step, step Step) bool {
	for _, other := range run {
		if reflect.TypeOf(other) != reflect.TypeOf(step) || !canJoin(step) {
			return false
		}
		mine, theirs := serviceOf(step), serviceOf(other)
		if p.dependsOn(mine, theirs, nil) || p.dependsOn(theirs, mine, nil) {
			return false
		}
	}
	return true
}

// canJoin leaves out what changes routes or holds requests, which happens in
// the order of the plan, and what keeps the processors busy.
func canJoin(step Step) bool {
	switch step.(type) {
	case *StartStep, *GateStep, *KeepStep, *DrainStep, *QuiesceStep, *StopStep, *RemoveStep:
		return true
	}
	return false
}

// serviceOf is the service that a step concerns; empty if that says nothing
// about when it may happen.
func serviceOf(step Step) string {
	switch s := step.(type) {
	case *StartStep:
		return s.Service
	case *GateStep:
		return s.Spec.Service
	case *DrainStep:
		return s.Service
	case *QuiesceStep:
		return s.Service
	case *StopStep:
		return s.Service
	}
	return ""
}

// joinedSteps makes one step of several.
func joinedSteps(run []Step) []Step {
	shareRoutes(run)
	return parallel(run)
}

// shareRoutes gives the gates of one service the same view of its route: all
// new containers are known from the first on, and the way back is one.
func shareRoutes(run []Step) {
	first, last := map[string]*GateStep{}, map[string]*GateStep{}
	for _, step := range run {
		if gate, ok := step.(*GateStep); ok && gate.Candidate != nil {
			if first[gate.Spec.Service] == nil {
				first[gate.Spec.Service] = gate
			}
			last[gate.Spec.Service] = gate
		}
	}
	for _, step := range run {
		if gate, ok := step.(*GateStep); ok && gate.Candidate != nil {
			gate.Before = first[gate.Spec.Service].Before
			gate.Candidate = last[gate.Spec.Service].Candidate
		}
	}
}
