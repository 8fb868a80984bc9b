package project

import (
	"path"
	"slices"
)

// Listener is one of the places where the edge takes requests.
type Listener string

// The listeners that a route can be restricted to.
const (
	ListenerAll    Listener = ""
	ListenerHTTP   Listener = "http"
	ListenerSocket Listener = "socket"
)

// Addresses lists where the edge takes the requests of a route on a listener.
func (e EdgeSettings) Addresses(on Listener) []string {
	var addresses []string
	if e.HTTP != "" && on != ListenerSocket {
		addresses = append(addresses, e.HTTP)
	}
	if e.Socket != "" && on != ListenerHTTP {
		addresses = append(addresses, e.Socket)
	}
	return addresses
}

// both tells whether the edge listens on a port and on a socket.
func (e EdgeSettings) both() bool { return e.HTTP != "" && e.Socket != "" }

// SeesSocket tells whether the socket that the edge listens on is mounted into
// a service, so that this can be a front behind which the edge stands.
func (p *Project) SeesSocket(s Service) bool {
	return slices.ContainsFunc(s.Volumes, p.Settings.Edge.hasSocketIn)
}

// hasSocketIn tells whether a volume is the edge's socket or its directory. It
// is nobody's data.
func (e EdgeSettings) hasSocketIn(v Volume) bool {
	return e.Socket != "" && v.Kind == VolumeBind && (v.Source == e.Socket || v.Source == path.Dir(e.Socket))
}

// StandsBetween tells whether requests reach a front through the edge, and the
// edge again through the front.
func (p *Project) StandsBetween(s Service) bool {
	return s.Role == RoleFront && s.Route != nil && s.Route.On == ListenerHTTP && p.Settings.Edge.both()
}

// assignListeners keeps a front and what it passes requests on to apart: the
// front has the port, the others the socket that it connects to.
func assignListeners(p *Project) {
	if !p.Settings.Edge.both() {
		return
	}
	between := false
	for i := range p.Services {
		service := &p.Services[i]
		if service.Role != RoleFront || service.Route == nil {
			continue
		}
		if service.Route.On == ListenerAll && p.SeesSocket(*service) {
			service.Route.On = ListenerHTTP
		}
		between = between || p.StandsBetween(*service)
	}
	for i := range p.Services {
		route := p.Services[i].Route
		if between && route != nil && route.On == ListenerAll {
			route.On = ListenerSocket
		}
	}
}

// passesToSocket tells whether a front is found to pass requests on to the
// edge's socket: its configuration names it, or is in its image, where nobody
// looks.
func (e evidence) passesToSocket() bool {
	return frontOf(e.service.runs()) != "" && e.project.SeesSocket(e.service) &&
		(passesToEdge(e.project, e.service) || len(frontFiles(e.project, e.service)) == 0)
}

func (e evidence) behindSocket() (Role, string) {
	if !e.passesToSocket() {
		return "", ""
	}
	return RoleFront, frontOf(e.service.runs()) + " passes requests on to the edge"
}

// checkListeners refuses a listener that the edge does not have.
func (c *checker) checkListeners(p *Project, own map[string]ServiceSettings) {
	for _, service := range p.Services {
		route := own[service.Name].Route
		if route == nil || route.On == ListenerAll || len(p.Settings.Edge.Addresses(route.On)) > 0 {
			continue
		}
		c.fault("services."+service.Name+"."+settingsKey+".route.on", "add it to "+settingsKey+".edge, or remove on:",
			"the route of %s is on %s, and %s.edge has no %s", service.Name, route.On, settingsKey, route.On)
	}
}
