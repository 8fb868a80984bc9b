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

// behindSocket judges a front by its configuration, and one whose configuration
// is in its image by the mount of the socket.
func (e evidence) behindSocket() (Role, string) {
	name := frontOf(e.service.runs())
	switch {
	case name == "":
		return "", ""
	case passesToEdge(e.project, e.service):
		return RoleFront, name + " passes requests on to the edge"
	case e.project.SeesSocket(e.service) && len(frontFiles(e.project, e.service)) == 0:
		return RoleFront, name + " has the socket of the edge mounted"
	}
	return "", ""
}

// withRoute is the role of a service that was given a route.
func (e evidence) withRoute() (Role, string) {
	if role, reason := e.behindSocket(); role != "" {
		return role, reason
	}
	return RoleWeb, "x-gapless gives it a route"
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
