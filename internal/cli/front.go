package cli

import (
	"slices"

	"gapless/internal/edge/wire"
	"gapless/internal/project"
)

// frontOf is the front, itself behind the edge, that passes the requests on to
// a service.
func (s *session) frontOf(service project.Service) (name string, found bool) {
	if service.Route == nil || service.Route.On != project.ListenerSocket {
		return "", false
	}
	for _, front := range s.project.Services {
		if s.project.StandsBetween(front) {
			return front.Name, true
		}
	}
	return "", false
}

// findPassedOn tells which services' requests pass the edge twice: those of a
// front that it has in its books already.
func (s *session) findPassedOn(stats wire.Stats) map[string]bool {
	passedOn := map[string]bool{}
	for _, service := range s.project.Services {
		front, found := s.frontOf(service)
		passedOn[service.Name] = found && slices.ContainsFunc(stats.Generations, func(g wire.GenerationStats) bool { return g.Service == front })
	}
	return passedOn
}
