package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// errCrash is what a fake call panics with when the process is to die there.
var errCrash = errors.New("crash")

// world is a Docker host, an edge and a disk in memory. It outlives the
// process that acts on it, as the real ones do.
type world struct {
	one        sync.Mutex
	containers map[string]*Container
	tags       map[string]string
	routes     map[string]fakeRoute
	former     map[string]fakeRoute // of the edge, where an nginx passes requests on
	held       map[string]bool
	entries    []Entry
	releases   map[int]bool
	zombies    []zombie
	now        time.Time
	lastID     int

	unhealthy  map[string]bool // services whose new containers never pass
	brokenCall string          // label of the one call that fails
	calls      []string        // labels, in order
	crashAt    int             // call number at which to die, 0 for never
	crashAfter bool            // die after the effect instead of before
	violations []string
	notices    []string
	wanted     map[string]string // image ID by service that Create uses
	references map[string]string // image names by service, where they are not the service's own
	singles    []string          // services that must never run twice
	room       int               // containers that may run beyond those that ran at first; 0: any number
	first      int               // that ran at first
	covered    []string          // services that must always have a target
	passed     map[string]bool   // IDs of containers that a gate let through

	commands map[string][]string // of one-offs, by container name
	ran      []string            // commands of one-offs that were started
	taskTime time.Duration       // that one-offs take; 0: they end at once
	failing  map[string]bool     // first words of commands that end with code 1
	quiesced map[string]int      // PID of workers that take no more jobs, by container name

	database      *fakeDatabase
	traffic       *fakeTraffic
	failingChecks map[string]bool // services whose containers pass no gate, old and new

	helpers    map[string]Helper // by container name
	volumes    map[string]bool   // of containers that work beside a service: whether it is prepared
	published  []string          // containers whose files were moved in
	mustBackUp bool              // no migration may run without a backup of its run
	unfinished bool              // a dump is there that nobody has proven
	throwaway  bool              // a server runs that proves it
	backedUp   bool
	restored   fakeRestored

	deaf  map[string]bool // IDs of containers of an nginx that read no upstreams
	front string          // service of an nginx that must find the upstreams of these when it starts
	needs []string

	otherPlan bool // what runs has something else mounted where static files go
}

// zombie is the request of a dead client that dockerd still carries out.
type zombie struct {
	name  string
	apply func()
}

type fakeRoute struct {
	state   RouteState
	targets []RouteTarget
}

func newWorld() *world {
	return &world{
		containers: map[string]*Container{}, tags: map[string]string{}, routes: map[string]fakeRoute{}, former: map[string]fakeRoute{}, references: map[string]string{},
		held: map[string]bool{}, releases: map[int]bool{}, unhealthy: map[string]bool{}, wanted: map[string]string{}, passed: map[string]bool{},
		commands: map[string][]string{}, failing: map[string]bool{}, quiesced: map[string]int{},
		helpers: map[string]Helper{}, volumes: map[string]bool{}, deaf: map[string]bool{},
		database: newFakeDatabase(), traffic: newFakeTraffic(),
		now: time.Unix(1_800_000_000, 0),
	}
}

func (w *world) env() *Env {
	return &Env{Images: fakeImages{w}, Creator: fakeCreator{w}, Containers: fakeContainers{w}, Router: fakeRouter{w}, Former: formerRouter{fakeRouter{w}},
		Gate: fakeGate{w}, Figures: fakeFigures{w}, Front: fakeFront{w}, Recorder: fakeRecorder{w}, Backups: fakeBackups{w}, Restores: fakeRestores{w}, Databases: fakeDatabases{w}, Journal: fakeJournal{w}, Sink: fakeSink{w}, Clock: fakeClock{w}, Run: "run1", Together: inTurn,
		Logs: func(_ context.Context, name string) []string { return w.database.logs[name] }}
}

// call is one contact with the world: it can fail, and the process can die
// before or after its effect. What a dying client asked for may come true
// later, which zombies model.
func (w *world) call(label string, effect func() error) error {
	w.one.Lock() // parts of a step may come at the same time
	defer w.one.Unlock()
	w.calls = append(w.calls, label)
	crashing := w.crashAt == len(w.calls)
	if crashing && !w.crashAfter {
		if asynchronous(label) {
			w.zombies = append(w.zombies, zombie{nameOf(label), func() { _ = effect() }})
		}
		panic(errCrash)
	}
	if w.brokenCall == label {
		return errors.New("broken: " + label)
	}
	err := effect()
	w.check(label)
	if crashing {
		panic(errCrash)
	}
	return err
}

func asynchronous(label string) bool {
	return strings.HasPrefix(label, "create ") || strings.HasPrefix(label, "signal ") || strings.HasPrefix(label, "exec ") || strings.HasPrefix(label, "exchange")
}

func nameOf(label string) string {
	return strings.Fields(label)[1]
}

// settle lets the zombie requests about a container come true.
func (w *world) settle(name string) {
	rest := w.zombies
	w.zombies = nil
	for _, z := range rest {
		if z.name == name {
			z.apply()
		} else {
			w.zombies = append(w.zombies, z)
		}
	}
}

// check looks at the promises that hold at every moment.
func (w *world) check(label string) {
	for _, serviceName := range w.singles {
		count := 0
		for _, c := range w.containers {
			if c.Service == serviceName && c.Running {
				count++
			}
		}
		if count > 1 {
			w.violations = append(w.violations, fmt.Sprintf("%s runs %d times after %s", serviceName, count, label))
		}
	}
	w.checkData(label)
	running := 0
	for _, c := range w.containers {
		if c.Running {
			running++
		}
	}
	if w.room > 0 && running > w.first+w.room {
		w.violations = append(w.violations, fmt.Sprintf("%d containers run beside the first %d after %s", running-w.first, w.first, label))
	}
	for _, serviceName := range w.covered {
		if !w.held[serviceName] && len(w.serving(serviceName)) == 0 {
			w.violations = append(w.violations, fmt.Sprintf("nobody serves %s after %s", serviceName, label))
		}
	}
	w.checkBeginning(label)
	for serviceName := range w.routes {
		for _, name := range w.serving(serviceName) {
			if c := w.containers[name]; c.Run != "" && !w.passed[c.ID] {
				w.violations = append(w.violations, fmt.Sprintf("%s gets requests after %s and passed no gate", name, label))
			}
		}
	}
}

// serving lists the running containers that get the requests of a service.
func (w *world) serving(serviceName string) []string {
	var names []string
	for _, t := range w.routes[serviceName].targets {
		c := w.containers[t.Container]
		if t.Weight > 0 && c != nil && c.Running && strings.HasPrefix(t.Address, c.Address()+":") {
			names = append(names, c.Name)
		}
	}
	return names
}

func (w *world) add(c Container) *Container {
	w.lastID++
	c.ID = fmt.Sprintf("id%d", w.lastID)
	if c.Running {
		w.boot(&c)
	}
	w.containers[c.Name] = &c
	return &c
}

func (w *world) boot(c *Container) {
	w.lastID++
	w.now = w.now.Add(time.Millisecond)
	c.Running, c.StartedAt, c.PID = true, w.now, w.lastID
	c.Addresses = []string{fmt.Sprintf("10.0.0.%d", w.lastID)}
}

// summary is what of the world a user would compare: who runs which image,
// who is routed to, what the tags name.
func (w *world) summary() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(w.containers)) {
		c := w.containers[name]
		lines = append(lines, fmt.Sprintf("%s %s running=%t restart=%s", name, c.ImageID, c.Running, c.Restart))
		if c.Running && w.quiesced[name] == c.PID {
			lines = append(lines, name+" takes no jobs")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.routes)) {
		lines = append(lines, fmt.Sprintf("route %s -> %v on %v", name, w.serving(name), w.routes[name].state.Listeners))
	}
	for _, name := range slices.Sorted(maps.Keys(w.former)) {
		lines = append(lines, "the edge has a route of "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(w.tags)) {
		lines = append(lines, "tag "+name+" = "+w.tags[name])
	}
	for name, held := range w.held {
		if held {
			lines = append(lines, "held "+name)
		}
	}
	for name := range w.volumes {
		lines = append(lines, "volume of "+name)
	}
	lines = append(append(lines, w.database.summary()...), w.backupSummary()...)
	lines = append(lines, w.restored.summary()...)
	return strings.Join(lines, "\n")
}

// reference is the name of a service's image.
func (w *world) reference(serviceName string) string {
	return cmp.Or(w.references[serviceName], serviceName+":latest")
}

type fakeImages struct{ w *world }

func (f fakeImages) Build(_ context.Context, serviceName string, _ BuildOptions) (string, error) {
	id := f.w.wanted[serviceName]
	return id, f.w.call("build "+serviceName, func() error { f.w.tags[f.w.reference(serviceName)] = id; return nil })
}

func (f fakeImages) Pull(ctx context.Context, serviceName string) (string, error) {
	id := f.w.wanted[serviceName]
	return id, f.w.call("pull "+serviceName, func() error { f.w.tags[f.w.reference(serviceName)] = id; return nil })
}

func (f fakeImages) Tag(_ context.Context, imageID, reference string) error {
	return f.w.call("tag "+reference, func() error { f.w.tags[reference] = imageID; return nil })
}

func (f fakeImages) Untag(_ context.Context, reference string) error {
	return f.w.call("untag "+reference, func() error { delete(f.w.tags, reference); return nil })
}

type fakeCreator struct{ w *world }

func (f fakeCreator) Create(_ context.Context, spec CreateSpec) error {
	return f.w.call("create "+spec.Name, func() error {
		if have := f.w.containers[spec.Name]; have != nil {
			if have.Run == spec.Run {
				return nil
			}
			return fmt.Errorf("name %s is taken by %s", spec.Name, have.ID)
		}
		made := f.w.add(Container{Name: spec.Name, Service: spec.Service, Number: spec.Number, Run: spec.Run, Restart: "no", ImageID: f.w.wanted[spec.Service]})
		if len(spec.Command) > 0 {
			f.w.commands[spec.Name] = spec.Command
			f.w.noteSession(spec)
		}
		f.w.addBeside(made, spec)
		return nil
	})
}

func (f fakeCreator) Remove(_ context.Context, id string) error {
	return f.w.call("remove "+id, func() error {
		for name, c := range f.w.containers {
			if c.ID == id || name == id {
				f.w.endTask(name, "removed")
				delete(f.w.containers, name)
			}
		}
		return nil
	})
}

func (f fakeCreator) Fence(_ context.Context, name, run string) error {
	return f.w.call("fence "+name, func() error {
		f.w.settle(name)
		if c := f.w.containers[name]; c != nil && c.Run == run {
			f.w.endTask(name, "fenced")
			delete(f.w.containers, name)
		}
		return nil
	})
}

func (f fakeCreator) Rename(_ context.Context, oldName, newName string) error {
	return f.w.call("rename "+oldName, func() error {
		c := f.w.containers[oldName]
		if c == nil {
			if f.w.containers[newName] != nil {
				return nil
			}
			return ErrNoContainer
		}
		if f.w.containers[newName] != nil {
			return nil // renamed already; the successor has the old name
		}
		delete(f.w.containers, oldName)
		c.Name = newName
		f.w.containers[newName] = c
		return nil
	})
}

type fakeContainers struct{ w *world }

func (f fakeContainers) Inspect(_ context.Context, name string) (Container, error) {
	var found Container
	err := f.w.call("inspect "+name, func() error {
		c := f.w.containers[name]
		for _, other := range f.w.containers {
			if other.ID == name {
				c = other
			}
		}
		if c == nil {
			return ErrNoContainer
		}
		found = *c
		return nil
	})
	return found, err
}

func (f fakeContainers) Start(_ context.Context, name string) error {
	return f.w.call("start "+name, func() error {
		c := f.w.containers[name]
		if c == nil {
			return ErrNoContainer
		}
		if !c.Running {
			f.w.boot(c)
			f.w.startTask(c)
		}
		if strings.Contains(c.Service, "job") { // runs to its end at once
			c.Running = false
			if f.w.unhealthy[c.Service] {
				c.ExitCode = 1
			}
		}
		return nil
	})
}

func (f fakeContainers) Signal(_ context.Context, name, signal string) error {
	return f.w.call("signal "+name, func() error {
		if c := f.w.containers[name]; c != nil {
			c.Running, c.Addresses = false, nil
		}
		return nil
	})
}

func (f fakeContainers) SetRestart(_ context.Context, name, policy string) error {
	return f.w.call("restart-policy "+name, func() error {
		c := f.w.containers[name]
		if c == nil {
			return ErrNoContainer
		}
		c.Restart = policy
		return nil
	})
}

func (f fakeContainers) SettleStop(_ context.Context, name string, _ time.Duration) error {
	return f.w.call("settle "+name, func() error {
		f.w.settle(name)
		if c := f.w.containers[name]; c != nil {
			c.Running, c.Addresses = false, nil
		}
		return nil
	})
}

type fakeRouter struct{ w *world }

func (f fakeRouter) Routes(_ context.Context, changes []RouteChange) error {
	label := "route"
	for _, c := range changes {
		label += " " + c.Service
	}
	return f.w.call(label, func() error {
		if err := f.conflict(changes); err != nil {
			return err
		}
		for _, c := range changes {
			if err := f.w.tell(c.AtStart); err != nil {
				return err
			}
			delete(f.w.routes, c.Service)
			if c.Route != nil {
				f.w.routes[c.Service] = fakeRoute{*c.Route, c.Targets}
			}
		}
		return nil
	})
}

// formerRouter is the edge where an nginx passes requests on.
type formerRouter struct{ fakeRouter }

func (f formerRouter) Routes(_ context.Context, changes []RouteChange) error {
	return f.w.call("leave", func() error {
		for _, c := range changes {
			delete(f.w.former, c.Service)
			if c.Route != nil {
				f.w.former[c.Service] = fakeRoute{*c.Route, c.Targets}
			}
		}
		return nil
	})
}

// conflict refuses two services that answer for the same place, as the edge does.
func (f fakeRouter) conflict(changes []RouteChange) error {
	routes, owners := map[string]RouteState{}, map[place]string{}
	for name, route := range f.w.routes {
		routes[name] = route.state
	}
	for _, c := range changes {
		delete(routes, c.Service)
		if c.Route != nil {
			routes[c.Service] = *c.Route
		}
	}
	for name, route := range routes {
		for one := range placesOf(route) {
			if owners[one] != "" {
				return fmt.Errorf("%v is claimed by %s and %s", one, owners[one], name)
			}
			owners[one] = name
		}
	}
	return nil
}

func (f fakeRouter) Hold(_ context.Context, serviceName string, _ HoldSpec) error {
	return f.w.call("hold "+serviceName, func() error { f.w.held[serviceName] = true; return nil })
}

func (f fakeRouter) Release(_ context.Context, serviceName string) error {
	return f.w.call("release "+serviceName, func() error { f.w.held[serviceName] = false; return nil })
}

func (f fakeRouter) InFlight(context.Context, string) (int, error) { return 0, nil }
func (f fakeRouter) Ensure(context.Context, []string) error {
	return f.w.call("edge up", func() error { return f.w.tell(false) })
}

type fakeGate struct{ w *world }

func (f fakeGate) Gate(_ context.Context, spec GateSpec, probed func(Probe)) error {
	err := f.w.call("gate "+spec.Container, func() error {
		c := f.w.containers[spec.Container]
		if c == nil || !c.Running {
			return &GateError{Container: spec.Container, Reason: "is not running"}
		}
		if spec.Kind == GateEdge && !f.known(spec) {
			return &GateError{Container: spec.Container, Reason: "is not known to the edge"}
		}
		if f.w.unhealthy[spec.Service] && c.Run != "" || f.w.failingChecks[spec.Service] {
			return &GateError{Container: spec.Container, Reason: "not healthy"}
		}
		f.w.passed[c.ID] = true
		return nil
	})
	if err == nil {
		probed(Probe{OK: true, Answer: "200 OK"})
	}
	return err
}

// known tells whether the edge has the container under its present address.
func (f fakeGate) known(spec GateSpec) bool {
	return slices.ContainsFunc(f.w.routes[spec.Service].targets, func(t RouteTarget) bool {
		return t.Container == spec.Container && strings.HasPrefix(t.Address, f.w.containers[spec.Container].Address()+":")
	})
}

type fakeRecorder struct{ w *world }

func (f fakeRecorder) Record(_ context.Context, number int, _ bool) error {
	return f.w.call(fmt.Sprintf("record %d", number), func() error { f.w.releases[number] = true; return nil })
}

type fakeJournal struct{ w *world }

func (f fakeJournal) Append(entry Entry) error {
	return f.w.call("journal "+string(entry.Kind), func() error { f.w.entries = append(f.w.entries, entry); return nil })
}

type fakeSink struct{ w *world }

func (f fakeSink) Emit(event Event) {
	f.w.one.Lock()
	defer f.w.one.Unlock()
	if event.Kind == EventNotice {
		f.w.notices = append(f.w.notices, event.Text)
	}
}

type fakeClock struct{ w *world }

func (f fakeClock) Now() time.Time {
	f.w.one.Lock()
	defer f.w.one.Unlock()
	return f.w.now
}

func (f fakeClock) Sleep(_ context.Context, d time.Duration) error {
	f.w.one.Lock()
	defer f.w.one.Unlock()
	f.w.now = f.w.now.Add(d)
	f.w.serve(d)
	f.w.endTasks()
	return nil
}

// inTurn runs acts one after the other, so that each run makes the same calls.
func inTurn(acts ...func()) {
	for _, act := range acts {
		act()
	}
}
