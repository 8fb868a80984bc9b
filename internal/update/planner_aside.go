package update

import (
	"slices"

	"gapless/internal/change"
)

// aside plans work that replaces no container. It tells whether the work is of
// that kind.
func (p *Planner) aside(w work) bool {
	switch {
	case p.onlyStatic(w):
		if len(w.service.Static) > 0 {
			p.backToRunning(w)
		}
	case len(w.change.Causes) == 0:
		p.restart(w)
	default:
		return false
	}
	return true
}

// standsAside tells whether no container of the service is replaced.
func (p *Planner) standsAside(w work) bool { return p.onlyStatic(w) || len(w.change.Causes) == 0 }

// onlyStatic tells whether nothing but static files differs, and somebody
// collects them from that image.
func (p *Planner) onlyStatic(w work) bool {
	if !w.change.Source.StaticOnly() || !p.running(w.service) || len(w.change.Surplus)+w.change.Missing > 0 ||
		slices.ContainsFunc(w.change.Causes, func(c change.Cause) bool { return c.Kind != change.KindSource }) {
		return false
	}
	return slices.ContainsFunc(p.work, func(other work) bool {
		return other.service.Image == w.service.Image && len(other.service.Static) > 0
	})
}

// backToRunning gives the image's name back to the image that runs: the new
// one was needed for its static files only, and docker compose up must not
// replace what serves.
func (p *Planner) backToRunning(w work) {
	running := p.state.ContainersOf(w.service.Name)[0].ImageID
	p.shift = append(p.shift, &TagStep{Service: w.service.Name, ImageID: running, Reference: w.service.Image})
}
