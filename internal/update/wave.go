package update

// wave is the change of services that do not need each other. Each goes its own
// way; the wave puts the same stretches of all ways side by side.
type wave struct {
	booting []string // services whose new containers boot beside the old ones
	taken   share    // by the second copies
	boots   int      // containers that boot at once
	rounds  []round
	alone   []Step // of services that stop before they start
}

// round is one batch of containers of each service. Everything in a stretch has
// happened before the next one begins.
type round struct {
	opens  []Step // routes that are let go of, and what the way back ends with
	starts []Step
	gates  []Step
	keeps  []Step
	moves  []Step // of the requests
	drains []Step
	stops  []Step
	ends   []Step
}

// add takes in the way of one service.
func (w *wave) add(serviceName string, steps []Step, taken share, boots int) {
	if stopsFirst(steps) {
		w.alone = append(w.alone, steps...)
		return
	}
	if boots > 0 {
		w.booting = append(w.booting, serviceName)
	}
	w.taken = w.taken.and(taken)
	w.boots += boots
	for i, r := range roundsOf(steps) {
		if i == len(w.rounds) {
			w.rounds = append(w.rounds, round{})
		}
		w.rounds[i].merge(r)
	}
}

// steps lists the whole wave. Services that stop before they start change when
// the others are known to be good, so that a bad version costs them nothing,
// and while the requests of the others run out.
func (w *wave) steps() []Step {
	if len(w.rounds) == 0 {
		return w.alone
	}
	var steps []Step
	for i, r := range w.rounds {
		for _, stretch := range [][]Step{r.opens, r.starts, r.gates, r.keeps, r.moves} {
			steps = append(steps, stretch...)
		}
		if i == 0 {
			steps = append(steps, w.alone...)
		}
		for _, stretch := range [][]Step{r.drains, r.stops, r.ends} {
			steps = append(steps, stretch...)
		}
	}
	return steps
}

// stopsFirst tells whether a service stops something before it starts anything,
// or lets requests wait: such a way is not taken apart.
func stopsFirst(steps []Step) bool {
	for _, step := range steps {
		for _, part := range partsOf(step) {
			switch part.(type) {
			case *HoldStep, *DrainStep, *QuiesceStep, *StopStep, *RestartStep, *ReloadStep:
				return true
			case *StartStep:
				return false
			}
		}
	}
	return false
}

// roundsOf cuts the way of a service that starts before it stops into its
// batches.
func roundsOf(steps []Step) []round {
	rounds := []round{{}}
	for _, step := range steps {
		last := &rounds[len(rounds)-1]
		if last.isOver(step) {
			rounds = append(rounds, round{})
			last = &rounds[len(rounds)-1]
		}
		last.take(step)
	}
	return rounds
}

// isOver tells whether a step belongs to the next round: a start that comes
// after a gate, or a second move of the requests.
func (r *round) isOver(step Step) bool {
	switch s := step.(type) {
	case *StartStep, *RenameStep:
		return len(r.gates) > 0
	case *RefreshStep:
		return s.Back && len(r.gates) > 0
	case *SwitchStep:
		return len(r.moves) > 0
	}
	return false
}

// take puts a step where it belongs.
func (r *round) take(step Step) {
	switch s := partsOf(step)[0].(type) {
	case *StartStep, *RenameStep:
		r.starts = append(r.starts, step)
	case *GateStep:
		r.gates = append(r.gates, step)
	case *KeepStep:
		r.keeps = append(r.keeps, step)
	case *DrainStep, *QuiesceStep:
		r.drains = append(r.drains, step)
	case *StopStep:
		r.stops = append(r.stops, step)
	case *RefreshStep:
		r.takeRefresh(s)
	case *SwitchStep:
		if len(r.starts) == 0 && s.After == nil {
			r.opens = append(r.opens, step)
			return
		}
		// A container that has the port stops right before the edge takes it.
		r.moves = append(append(r.moves, r.stops...), step)
		r.stops = nil
	default:
		r.moves = append(r.moves, step)
	}
}

// takeRefresh puts it before the start, the move or the end.
func (r *round) takeRefresh(step *RefreshStep) {
	switch {
	case step.Back:
		r.opens = append(r.opens, step)
	case len(r.stops) > 0:
		r.ends = append(r.ends, step)
	default:
		r.moves = append(r.moves, step)
	}
}

// merge puts the round of another service beside this one.
func (r *round) merge(other round) {
	r.opens = append(r.opens, other.opens...)
	r.starts = append(r.starts, other.starts...)
	r.gates = append(r.gates, other.gates...)
	r.keeps = append(r.keeps, other.keeps...)
	r.moves = append(r.moves, other.moves...)
	r.drains = append(r.drains, other.drains...)
	r.stops = append(r.stops, other.stops...)
	r.ends = append(r.ends, other.ends...)
}
