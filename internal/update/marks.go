package update

// waiting marks steps that leave nothing half-done when they are cut off: they
// wait, or make images. A user who wants to stop need not wait for them.
type waiting interface{ onlyWaits() bool }

func (*BuildStep) onlyWaits() bool { return true }
func (*PullStep) onlyWaits() bool  { return true }
func (*GateStep) onlyWaits() bool  { return true }
func (*DrainStep) onlyWaits() bool { return true }

// A baseline looks, and its note is written at its end.
func (*BaselineStep) onlyWaits() bool { return true }

func onlyWaits(step Step) bool {
	marked, is := step.(waiting)
	return is && marked.onlyWaits()
}

// harmless marks steps after which the application is as it was.
type harmless interface{ touchesNothing() bool }

func (*BuildStep) touchesNothing() bool    { return true }
func (*PullStep) touchesNothing() bool     { return true }
func (*TagStep) touchesNothing() bool      { return true }
func (*BaselineStep) touchesNothing() bool { return true }
func (*EdgeStep) touchesNothing() bool     { return true }
func (s *SwitchStep) touchesNothing() bool { return s.AtStart }
func (s *RecordStep) touchesNothing() bool { return s.Adopted }

func touchesNothing(step Step) bool {
	marked, is := step.(harmless)
	return is && marked.touchesNothing()
}

// undoneResult tells a rollback from a run that had not changed anything.
func (r *Run) undoneResult(upTo int) Result {
	steps := r.Plan.Steps()
	for _, step := range steps[:min(upTo, len(steps))] {
		if !touchesNothing(step) {
			return ResultRolledBack
		}
	}
	return ResultAborted
}
