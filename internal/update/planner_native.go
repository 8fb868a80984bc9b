package update

import "slices"

// native tells whether an nginx passes the requests on by itself, in place of
// the edge: it reads who serves from files, and cannot let requests wait.
func (p *Planner) native() bool { return p.project.Settings.Front.Enabled() }

// noteNative says what this costs where requests move.
func (p *Planner) noteNative() {
	front := p.project.Settings.Front.Service
	moves := slices.ContainsFunc(p.shift, func(step Step) bool { _, is := step.(*SwitchStep); return is })
	if !p.native() || !moves {
		return
	}
	p.note(front, false, "passes the requests on by itself: where nobody answers for a moment clients get 502, because nginx lets no request wait and sends no POST again")
	if service, _ := p.project.Service(front); service.NetworkMode == "host" {
		p.note(front, false, "is in the host's network and knows containers by address only: after a restart of the host, gapless update writes the addresses anew")
	}
	p.note(front, false, "reads its configuration again at each switch: it closes idle connections then, and a client that writes to one at that moment has to send again")
}
