package front

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gapless/internal/update"
)

// Place is where an nginx stands that passes requests on by itself.
type Place struct {
	Directory string // of the host; its files are included by nginx's configuration
	Inside    string // the same in the container
	ByAddress bool   // nginx cannot look up the names of containers
	// Fronts lists the containers in which nginx runs now.
	Fronts func(ctx context.Context) ([]Instance, error)
	// Runs tells whether a container runs.
	Runs func(ctx context.Context, containerName string) bool
}

// Instance is one running nginx.
type Instance struct {
	Container string
	Command   []string // how nginx is called, with the options that say which files it reads
}

// Router moves requests by writing the upstreams of an nginx and having it read
// them. It implements update.Router. The files are the truth: what they say is
// in force after a start of nginx, whatever was killed before.
type Router struct {
	nginx *Nginx
	place Place
	files directory

	mu      sync.Mutex
	retired map[string]map[string]generation // workers that may still pass requests to a container, by it and the front
}

// NewRouter returns a router over an engine.
func NewRouter(engine Engine, place Place) *Router {
	return &Router{nginx: NewNginx(engine), place: place, files: directory(place.Directory), retired: map[string]map[string]generation{}}
}

// errCannotHold says what an nginx alone cannot do.
var errCannotHold = errors.New("nginx lets no request wait: only the edge does")

// Hold implements update.Router: it is not possible.
func (r *Router) Hold(context.Context, string, update.HoldSpec) error { return errCannotHold }

// Release implements update.Router; nothing waits.
func (r *Router) Release(context.Context, string) error { return nil }

// Ensure implements update.Router: every nginx that runs reads all the files.
func (r *Router) Ensure(ctx context.Context, _ []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts, _, err := r.files.read()
	if err != nil {
		return err
	}
	fronts, err := r.place.Fronts(ctx)
	for _, f := range fronts {
		if err == nil {
			err = r.test(ctx, f, texts, slices.Collect(maps.Keys(texts)))
		}
	}
	return err
}

// Routes implements update.Router. What nginx does not take is put back.
func (r *Router) Routes(ctx context.Context, changes []update.RouteChange) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.files.ensure(); err != nil {
		return err
	}
	was, before, err := r.files.read()
	if err != nil {
		return err
	}
	after := maps.Clone(before)
	if after == nil {
		after = map[string]upstream{}
	}
	var set []string
	for _, c := range changes {
		delete(after, c.Service)
		if c.Route != nil {
			after[c.Service] = upstreamOf(c)
			set = append(set, c.Service)
		}
	}
	wanted := map[string]string{}
	for service, u := range after {
		wanted[service] = u.text(r.place.ByAddress, func(name string) bool { return r.place.Runs(ctx, name) })
	}
	if slices.ContainsFunc(changes, func(c update.RouteChange) bool { return c.AtStart }) {
		return r.files.replace(was, wanted)
	}
	return r.use(ctx, was, wanted, set, leavers(before, after))
}

// use puts files in force. A front that does not run reads them when it starts.
func (r *Router) use(ctx context.Context, was, wanted map[string]string, set, leave []string) error {
	fronts, err := r.place.Fronts(ctx)
	if err != nil {
		return err
	}
	err = r.files.replace(was, wanted)
	for _, f := range fronts {
		if err == nil {
			err = r.test(ctx, f, wanted, set)
		}
	}
	reloaded := 0
	for _, f := range fronts {
		if err == nil {
			reloaded++
			err = r.reload(ctx, f, leave)
		}
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, r.putBack(context.WithoutCancel(ctx), was, fronts[:reloaded]))
}

// putBack restores the files, for those too that may have read the new ones.
func (r *Router) putBack(ctx context.Context, was map[string]string, fronts []Instance) error {
	now, _, err := r.files.read()
	if err == nil {
		err = r.files.replace(now, was)
	}
	if err != nil {
		return fmt.Errorf("put the upstreams of before back: %w", err)
	}
	for _, f := range fronts {
		err = errors.Join(err, r.nginx.run(ctx, f.Container, f.Command, "-s", "reload"))
	}
	return err
}

// test has nginx read everything without using it, and makes sure that it finds
// what was written: where its configuration includes another directory, the
// old containers would be stopped while they still get the requests.
func (r *Router) test(ctx context.Context, f Instance, wanted map[string]string, set []string) error {
	printed, err := r.nginx.dump(ctx, f.Container, f.Command)
	if err != nil {
		return err
	}
	for _, service := range set {
		if mark := markOf(wanted[service]); !strings.Contains(printed, mark) {
			return &IncludeError{Container: f.Container, Directory: r.place.Inside, File: nameOf(service)}
		}
	}
	return nil
}

// markOf is the line of a file that no other has.
func markOf(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, comment) {
			return strings.TrimSpace(line)
		}
	}
	return text
}

// IncludeError says that nginx does not read what was written for it.
type IncludeError struct{ Container, Directory, File string }

func (e *IncludeError) Error() string {
	return fmt.Sprintf("nginx in %s does not read %s/%s", e.Container, e.Directory, e.File)
}

// Hint is what to do.
func (e *IncludeError) Hint() string {
	return fmt.Sprintf("add this to http { } of its configuration: include %s/*%s; if it is there, the configuration is mounted as a single file that was replaced: mount its directory", e.Directory, fileSuffix)
}

// reload makes nginx use the files, and remembers who may still use the old
// ones.
func (r *Router) reload(ctx context.Context, f Instance, leave []string) error {
	before, err := r.nginx.generation(ctx, f.Container)
	if err != nil {
		return err
	}
	if err := r.nginx.run(ctx, f.Container, f.Command, "-s", "reload"); err != nil {
		return err
	}
	for _, name := range leave {
		if r.retired[name] == nil {
			r.retired[name] = map[string]generation{}
		}
		r.retired[name][f.Container] = before.and(r.retired[name][f.Container])
	}
	return r.nginx.awaitLive(ctx, f.Container, before)
}

// InFlight implements update.Router. nginx does not say what it has in hand: as
// long as a worker of before lives, it may pass a request on to the container.
func (r *Router) InFlight(ctx context.Context, containerName string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, upstreams, err := r.files.read()
	if err != nil {
		return 0, err
	}
	for _, u := range upstreams {
		if slices.Contains(u.serving(), containerName) {
			return 0, nil // it is not on its way out
		}
	}
	fronts, err := r.place.Fronts(ctx)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, f := range fronts {
		now, err := r.nginx.generation(ctx, f.Container)
		if err != nil {
			return 0, err
		}
		if past, known := r.retired[containerName][f.Container]; known {
			count += now.stillOf(past)
		} else {
			count += len(now.leaving) // of an update that was killed, or of somebody else
		}
	}
	return count, nil
}

// Routes returns what the files in a directory say. addressOf is where a
// container is now, empty if it is nowhere.
func Routes(path string, addressOf func(containerName string) string) (map[string]update.RouteState, error) {
	_, upstreams, err := directory(path).read()
	if err != nil {
		return nil, fmt.Errorf("read the upstreams: %w", err)
	}
	routes := map[string]update.RouteState{}
	for service, u := range upstreams {
		routes[service] = u.route(addressOf)
	}
	return routes, nil
}
