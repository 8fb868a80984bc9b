package edgectl

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

// putMaxWait is how long a port may stay taken after its old owner stopped:
// the engine lets go of it a moment later than the container is down. Each call
// has a bound of its own: saving can take long on a host that has much to write.
const putMaxWait = 10 * time.Second

// putPoll is the time between two attempts to change a route.
const putPoll = 5 * time.Millisecond

// Router moves the routes of one project. It implements update.Router.
type Router struct {
	client  *Client
	project string
	install func(ctx context.Context, socketDirectories []string) error

	mu    sync.Mutex // one change of the project's configuration at a time
	holds map[string]*renewal
	limit map[string]time.Duration
}

// NewRouter returns a router for a project; install is called when no edge
// runs yet.
func NewRouter(client *Client, projectName string, install func(ctx context.Context, socketDirectories []string) error) *Router {
	return &Router{client: client, project: projectName, install: install, holds: map[string]*renewal{}, limit: map[string]time.Duration{}}
}

// Ensure implements update.Router.
func (r *Router) Ensure(ctx context.Context, listeners []string) error {
	return r.install(ctx, SocketDirectories(listeners))
}

// SocketDirectories lists where the listeners on sockets are.
func SocketDirectories(listeners []string) []string {
	var directories []string
	for _, listener := range listeners {
		if isSocket(listener) {
			directories = append(directories, filepath.Dir(listener))
		}
	}
	return directories
}

// Routes implements update.Router.
func (r *Router) Routes(ctx context.Context, changes []update.RouteChange) error {
	return r.change(ctx, func(config *wire.ProjectConfig) {
		for _, c := range changes {
			config.Services = slices.DeleteFunc(config.Services, func(s wire.Service) bool { return s.Name == c.Service })
			if c.Route != nil {
				config.Services = append(config.Services, r.service(c.Service, *c.Route, c.Targets))
			}
		}
	})
}

// change edits what the edge has of the project, in one act. Others change the
// edge too, as the follower does with an address: what was read before such a
// change is not put.
func (r *Router) change(ctx context.Context, edit func(*wire.ProjectConfig)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for began := time.Now(); ; {
		err := r.tryChange(ctx, edit)
		if !errors.Is(err, ErrBind) && !errors.Is(err, ErrOutdated) || time.Since(began) > putMaxWait {
			return err
		}
		// The address may still be taken, for a moment.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(putPoll):
		}
	}
}

// tryChange reads, changes and puts the configuration of the project once.
func (r *Router) tryChange(ctx context.Context, edit func(*wire.ProjectConfig)) error {
	state, err := r.client.State(ctx, r.project)
	if errors.Is(err, ErrUnknown) {
		state.Project = r.project
	} else if err != nil {
		return err
	}
	config := state.ProjectConfig
	config.Services = slices.Clone(config.Services)
	edit(&config)
	setListeners(&config)
	if len(config.Services) == 0 && config.Maintenance == nil {
		err := r.client.Delete(ctx, r.project)
		if errors.Is(err, ErrUnknown) {
			return nil
		}
		return err
	}
	_, err = r.client.Put(ctx, config, PutOptions{IfGeneration: state.Generation})
	return err
}

// service describes a route to the edge.
func (r *Router) service(name string, route update.RouteState, targets []update.RouteTarget) wire.Service {
	s := wire.Service{Name: name, Listeners: route.Listeners, Hosts: route.Hosts, PathPrefix: route.Path, HealthPath: pathOnly(route.HealthPath)}
	if len(route.Listeners) == 0 {
		s.Listeners = []string{r.hidden()}
	}
	if limit := r.limit[name]; limit > 0 {
		s.Limits.HoldMaxWaitMilliseconds = limit.Milliseconds()
	}
	for _, target := range targets {
		s.Targets = append(s.Targets, wire.Target{ID: target.Container, Generation: target.Generation, Address: target.Address, Weight: target.Weight})
	}
	return s
}

// InFlight implements update.Router. Tunnels are not counted: they do not end
// by themselves and are closed by their container when it stops.
func (r *Router) InFlight(ctx context.Context, containerName string) (int, error) {
	state, err := r.client.InFlight(ctx, containerName)
	if errors.Is(err, ErrUnknown) {
		return 0, nil
	}
	return int(state.Requests - state.Tunnels), err
}

// hiddenPrefix starts the name of a socket that nobody connects to.
const hiddenPrefix = "none-"

// hidden is the listener of a service whose port is not the edge's yet: it can
// be probed and gets no requests.
func (r *Router) hidden() string {
	return filepath.Join(r.client.directory, hiddenPrefix+r.project+".sock")
}

// setListeners names the listeners that the services of a configuration want.
func setListeners(config *wire.ProjectConfig) {
	config.Listeners = nil
	for _, service := range config.Services {
		for _, address := range service.Listeners {
			network := "tcp"
			if isSocket(address) {
				network = "unix"
			}
			listener := wire.Listener{Name: address, Network: network, Address: address}
			if !slices.ContainsFunc(config.Listeners, func(l wire.Listener) bool { return l.Name == address }) {
				config.Listeners = append(config.Listeners, listener)
			}
		}
	}
}

func isSocket(address string) bool { return strings.HasPrefix(address, "/") }

// RouteStates is a configuration of the edge in the words of a plan.
func RouteStates(config wire.ProjectConfig) map[string]update.RouteState {
	routes := map[string]update.RouteState{}
	for _, service := range config.Services {
		route := update.RouteState{Hosts: service.Hosts, Path: service.PathPrefix, HealthPath: service.HealthPath}
		for _, listener := range service.Listeners {
			if !strings.HasPrefix(filepath.Base(listener), hiddenPrefix) {
				route.Listeners = append(route.Listeners, listener)
			}
		}
		for _, target := range service.Targets {
			ref := update.TargetRef{Container: target.ID, Generation: target.Generation, Weight: target.Weight}
			if _, port, err := net.SplitHostPort(target.Address); err == nil {
				ref.Port, _ = strconv.Atoi(port)
				route.Port = ref.Port
			}
			route.Targets = append(route.Targets, ref)
		}
		routes[service.Name] = route
	}
	return routes
}
