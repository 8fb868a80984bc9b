package update

import (
	"maps"
	"slices"
	"strings"

	"gapless/internal/project"
)

// handover is one of several services between which places of the edge move,
// as when a front gets the port that its application had. Until the end of the
// shift each keeps the places that it has, and then all move in one act: in
// between, a place would belong to nobody.
type handover struct {
	route   *RouteState // as planned so far; nil: none
	targets []TargetRef
	ready   bool // the service has been planned
}

// place is what one service only can answer for.
type place struct{ listener, host, path string }

func placesOf(route RouteState) map[place]bool {
	places := map[place]bool{}
	hosts := route.Hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, listener := range route.Listeners {
		for _, host := range hosts {
			places[place{listener, strings.ToLower(host), route.Path}] = true
		}
	}
	return places
}

// findHandovers notes the services between which places move.
func (p *Planner) findHandovers() {
	for _, giver := range p.project.Services {
		present := p.routeOf(giver.Name)
		if giver.Route == nil || present == nil {
			continue
		}
		left := placesOf(*present)
		for kept := range placesOf(p.settledRoute(giver)) {
			delete(left, kept)
		}
		for _, taker := range p.project.Services {
			if taker.Route == nil || taker.Name == giver.Name || !overlaps(left, placesOf(p.settledRoute(taker))) {
				continue
			}
			for _, name := range []string{giver.Name, taker.Name} {
				p.handover[name] = &handover{route: p.routeOf(name)}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.handover)) {
		p.open(name)
	}
}

// open plans that a service is also reached at those of its new places that
// are free, before anything else: a front may need them to pass its gate.
func (p *Planner) open(serviceName string) {
	h := p.handover[serviceName]
	if h.route == nil {
		return
	}
	taken := map[place]bool{}
	for other := range p.state.Routes {
		if other != serviceName {
			maps.Copy(taken, placesOf(*p.routeOf(other)))
		}
	}
	service, _ := p.project.Service(serviceName)
	wider := *h.route
	for _, listener := range p.settledRoute(service).Listeners {
		added := wider
		added.Listeners = []string{listener}
		if !slices.Contains(wider.Listeners, listener) && !overlaps(placesOf(added), taken) {
			wider.Listeners = append(slices.Clone(wider.Listeners), listener)
		}
	}
	if len(wider.Listeners) > len(h.route.Listeners) {
		p.shift = append(p.shift, &SwitchStep{Service: serviceName, Before: h.route, After: &wider})
		h.route = &wider
	}
}

func overlaps(a, b map[place]bool) bool {
	for one := range a {
		if b[one] {
			return true
		}
	}
	return false
}

// interim is the route of a service that takes part in a handover, until then:
// in the places that it has, or in none.
func (h *handover) interim(settled RouteState) RouteState {
	settled.Listeners = nil
	if h.route != nil {
		settled.Listeners, settled.Hosts, settled.Path = h.route.Listeners, h.route.Hosts, h.route.Path
	}
	return settled
}

// reached notes what of a service is to get the requests.
func (p *Planner) reached(serviceName string, route *RouteState, targets []TargetRef) {
	if h := p.handover[serviceName]; h != nil {
		*h = handover{route: route, targets: targets, ready: true}
	}
}

// handOver plans that all places move at once.
func (p *Planner) handOver() {
	if len(p.handover) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(p.handover))
	var moves []RouteMove
	for _, name := range names {
		h := p.handover[name]
		if !h.ready {
			p.note(name, false, "is left alone, so that the requests for %s stay where they are", strings.Join(names, " and "))
			return
		}
		service, _ := p.project.Service(name)
		after := p.settledRoute(service).WithTargets(h.targets...)
		moves = append(moves, RouteMove{Service: name, Before: h.route, After: &after})
	}
	p.shift = append(p.shift, &SwitchStep{Service: moves[0].Service, Before: moves[0].Before, After: moves[0].After, Also: moves[1:]})
}

// wantedRoute is the route that a service gets in the shift, without targets.
func (p *Planner) wantedRoute(s project.Service) RouteState {
	settled := p.settledRoute(s)
	if h := p.handover[s.Name]; h != nil {
		return h.interim(settled)
	}
	return settled
}

// settledRoute is the route of a service as the project wants it, without
// targets.
func (p *Planner) settledRoute(s project.Service) RouteState {
	if p.native() {
		return RouteState{Port: s.Route.Port} // nginx knows the rest
	}
	edge := p.project.Settings.Edge
	route := RouteState{Path: s.Route.Path, Port: s.Route.Port, HealthPath: s.Route.HealthPath, Hosts: s.Route.Hosts}
	if len(route.Hosts) == 0 {
		route.Hosts = edge.Hosts
	}
	route.Listeners = edge.Addresses(s.Route.On)
	return route
}
