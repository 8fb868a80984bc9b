package update

import "strconv"

// Place is where something stands in a plan.
type Place struct {
	Step int // counted from 1
	Part int // of a parallel step, counted from 1; 0 for a step without parts
}

// Row is one line of a plan as people read it. Each part of a parallel step
// has its own.
type Row struct {
	Place
	Phase string
	Line  Line
}

// Number is what stands before the row. The parts of a step happen at the same
// time: the first has the number, the others a plus.
func (r Row) Number() string {
	if r.Part > 1 {
		return "+"
	}
	return strconv.Itoa(r.Step)
}

// Rows lists what the plan does, in order.
func (p *Plan) Rows() []Row {
	var rows []Row
	number := 0
	for _, phase := range p.Phases {
		for _, step := range phase.Steps {
			number++
			for _, row := range rowsOf(number, step) {
				row.Phase = phase.Name
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// rowsOf lists the rows of one step.
func rowsOf(number int, step Step) []Row {
	together, ok := step.(*ParallelStep)
	if !ok {
		return []Row{{Place: Place{Step: number}, Line: step.Line()}}
	}
	var rows []Row
	for i, part := range together.Steps {
		rows = append(rows, Row{Place: Place{Step: number, Part: i + 1}, Line: part.Line()})
	}
	return rows
}

// Row finds the row of a place; of a whole parallel step it is its own line.
func (p *Plan) Row(place Place) (Row, bool) {
	for _, row := range p.Rows() {
		if row.Place == place {
			return row, true
		}
	}
	if steps := p.Steps(); place.Step >= 1 && place.Step <= len(steps) {
		return Row{Place: place, Phase: p.PhaseOf(place.Step), Line: steps[place.Step-1].Line()}, true
	}
	return Row{}, false
}

// StepAt is the step, or the part of a parallel one, at a place; nil if there
// is none.
func (p *Plan) StepAt(place Place) Step {
	steps := p.Steps()
	if place.Step < 1 || place.Step > len(steps) {
		return nil
	}
	step := steps[place.Step-1]
	if together, ok := step.(*ParallelStep); ok && place.Part >= 1 && place.Part <= len(together.Steps) {
		return together.Steps[place.Part-1].Step
	}
	return step
}

// PhaseOf is the name of the phase of a step, counted from 1.
func (p *Plan) PhaseOf(number int) string {
	for _, phase := range p.Phases {
		if number <= len(phase.Steps) {
			return phase.Name
		}
		number -= len(phase.Steps)
	}
	return ""
}
