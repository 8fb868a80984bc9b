package cli

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
	"gapless/internal/front"
	"gapless/internal/project"
	"gapless/internal/update"
)

// router is who moves the requests: the edge, or an nginx that is told to.
func (s *session) router() update.Router {
	directory, inside, native := s.project.Upstreams()
	if !native {
		return edgectl.NewRouter(s.edge, s.project.Name, s.installEdge)
	}
	service, _ := s.project.Service(s.project.Settings.Front.Service)
	return front.NewRouter(s.engine, front.Place{
		Directory: directory, Inside: inside, ByAddress: service.NetworkMode == "host",
		Fronts: func(ctx context.Context) ([]front.Instance, error) { return s.fronts(ctx, service) },
		Runs: func(ctx context.Context, containerName string) bool {
			c, err := s.engine.Inspect(ctx, containerName)
			return err == nil && c.Running
		},
	})
}

// fronts lists the containers in which an nginx runs now.
func (s *session) fronts(ctx context.Context, service project.Service) ([]front.Instance, error) {
	containers, err := s.bench.Replicas(ctx, service.Name)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", service.Name, err)
	}
	var found []front.Instance
	for _, c := range containers {
		call, known := service.NginxCall(c.Entrypoint, c.Command)
		if c.Running && !known {
			return nil, fmt.Errorf("%s does not say how it calls nginx: it is started by a script", c.Name)
		}
		if c.Running {
			found = append(found, front.Instance{Container: c.Name, Command: call.Argv})
		}
	}
	return found, nil
}

// nativePort is where the requests come in that an nginx passes on by itself; empty
// if there is none, or none without TLS.
func (s *session) nativePort() string {
	front, _ := s.project.Service(s.project.Settings.Front.Service)
	return plainPort(front)
}

// plainPort is the published address of a front that needs no TLS; empty if it
// has none.
func plainPort(front project.Service) string {
	for _, port := range front.HostPorts {
		if port.Container != 443 && port.Container != 8443 && port.Protocol == "tcp" {
			return net.JoinHostPort(port.HostIP, strconv.Itoa(port.Host))
		}
	}
	return ""
}

// upstreams is what an nginx was told of the services that it passes requests
// on to.
func (s *session) upstreams(containers []update.Container) (map[string]update.RouteState, error) {
	directory, _, _ := s.project.Upstreams()
	return front.Routes(directory, func(containerName string) string {
		for _, c := range containers {
			if c.Name == containerName {
				return c.Address()
			}
		}
		return ""
	})
}

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
