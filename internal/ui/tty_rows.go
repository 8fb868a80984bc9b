package ui

import "gapless/internal/update"

// rowsOf finds the rows of an event: one, or those of all parts if it is about
// the whole of a parallel step.
func (t *ttyPainter) rowsOf(event update.Event) []*row {
	var found []*row
	for i := range t.rows {
		at := t.rows[i].place
		if event.Step > 0 && (at == event.Place() || event.Part == 0 && at.Step == event.Step) {
			found = append(found, &t.rows[i])
		}
	}
	return found
}

// set puts the rows of an event into a state. The time of a whole step is told
// once: how long each of its parts took is not known.
func (t *ttyPainter) set(event update.Event, to state) {
	for i, row := range t.rowsOf(event) {
		row.state, row.duration = to, event.Duration
		if i > 0 {
			row.duration = 0
		}
		if to == stateRunning || to == stateUndoing {
			row.begin, t.answer = event.Time, ""
		}
	}
}

// catchUp ticks the steps off that were done before the interruption.
func (t *ttyPainter) catchUp(step int) {
	for i := range t.rows {
		if t.resumed && t.rows[i].place.Step < step && t.rows[i].state == statePending {
			t.rows[i].state = stateDone
		}
	}
}
