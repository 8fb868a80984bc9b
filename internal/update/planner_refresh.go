package update

// refresh plans that the front before a service looks up its address again,
// where requests do not come through the edge. Forwards it is done when the
// new container is there, and when the old one is gone; the way back ends with
// it.
func (r *roll) refresh(back bool) { r.shift = append(r.shift, r.refreshSteps(back)...) }

func (r *roll) refreshSteps(back bool) []Step {
	s := r.service
	front, known := r.project.Service(s.NamedBy)
	if s.NamedBy == "" || s.Route != nil || !known || len(front.ResolvesOnReload()) == 0 {
		return nil
	}
	var steps []Step
	for _, c := range r.state.ContainersOf(front.Name) {
		if c.Running {
			steps = append(steps, &RefreshStep{Name: c.Name, ID: c.ID, Command: front.ResolvesOnReload(), AtMost: reloadLimit,
				Back: back, Why: "finds " + s.Name + " by its name, once"})
		}
	}
	r.note(s.Name, false, "%s passes requests on by name and is told to look it up again; what is lost on the way is not measured: with the edge in between (gapless init) nothing is", front.Name)
	return steps
}
