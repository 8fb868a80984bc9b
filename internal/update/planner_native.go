package update

import (
	"slices"

	"gapless/internal/project"
)

// native tells whether an nginx passes the requests on by itself, in place of
// the edge: it reads who serves from files, and cannot let requests wait.
func (p *Planner) native() bool { return p.project.Settings.Front.Enabled() }

// leaveEdge plans that the edge forgets the routes that it had before an nginx
// began to pass the requests on: at the end, or before nginx gets a port that the
// edge still has.
func (p *Planner) leaveEdge() {
	routes := p.state.FormerRoutes
	if len(routes) == 0 {
		return
	}
	step := &LeaveStep{Routes: routes}
	front, _ := p.project.Service(p.project.Settings.Front.Service)
	if !slices.ContainsFunc(front.HostPorts, func(port project.Port) bool { return p.state.EdgeGivesUp(port.Host) }) {
		p.commit = append(p.commit, step)
		return
	}
	at := slices.IndexFunc(p.shift, func(s Step) bool { return isStartOf(s, front.Name) })
	if at < 0 {
		p.commit = append(p.commit, step)
		return
	}
	p.shift = slices.Insert(p.shift, at, Step(step))
	p.note(front.Name, true, "gets its port from the edge once: requests fail until it has started")
}

// EdgeGivesUp tells whether the edge gives a port up, because an nginx passes the
// requests on in its place.
func (s State) EdgeGivesUp(port int) bool {
	for _, route := range s.FormerRoutes {
		if slices.ContainsFunc(route.Listeners, func(listener string) bool { return ListenerPort(listener) == port }) {
			return true
		}
	}
	return false
}

// isStartOf tells whether a step starts a container of a service.
func isStartOf(step Step, serviceName string) bool {
	start, is := step.(*StartStep)
	return is && start.Service == serviceName
}

// noteNative says what this costs where requests move.
func (p *Planner) noteNative() {
	front := p.project.Settings.Front.Service
	moves := slices.ContainsFunc(p.shift, func(step Step) bool { _, is := step.(*SwitchStep); return is })
	if !p.native() || !moves && !p.begins {
		return
	}
	p.note(front, false, "passes the requests on by itself: where nobody answers for a moment clients get 502, because nginx lets no request wait and sends no POST again")
	if service, _ := p.project.Service(front); service.NetworkMode == "host" {
		p.note(front, false, "is in the host's network and knows containers by address only: after a restart of the host, gapless update writes the addresses anew")
	}
	p.note(front, false, "reads its configuration again at each switch: "+closesIdle)
}

// closesIdle is what a reload of nginx costs those who keep connections to it.
// Source: the documentation of keepalive_min_timeout, ngx_http_core_module.
const closesIdle = "it closes idle connections then, and a client that writes to one at that moment has to send again; " +
	"keepalive_min_timeout 1s in its http block (nginx 1.27.4 or newer) makes that rarer"
