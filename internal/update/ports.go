package update

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoContainer says that a container of that name does not exist.
var ErrNoContainer = errors.New("no such container")

// Env is the world that steps act on. Each part is small and is declared
// here, where it is used; the adapters implement them.
type Env struct {
	Images     Images
	Creator    Creator
	Containers Containers
	Router     Router
	Former     Router // who moved the requests before, where another one does now
	Gate       Gate
	Figures    Figures // nil: nothing is measured
	Front      Front
	Recorder   Recorder
	Backups    Backups
	Restores   Restores
	Databases  Databases
	Journal    Journal
	Sink       Sink
	Clock      Clock
	Run        string // identity of this run, written as a label

	// Unavailable tells an error of a part that will come back by itself, such
	// as an engine that is being restarted; nil: none is.
	Unavailable func(error) bool
	routing     sync.Mutex
	notes       map[string][]string // of steps, by name
	interrupted <-chan struct{}     // by the user; nil: never
	// Logs returns the last lines of a container's log, for a message.
	Logs func(ctx context.Context, containerName string) []string
	// Together runs independent acts at the same time and waits for them.
	Together func(acts ...func())
}

// Images builds, fetches and names images.
type Images interface {
	// Build makes the image of a service with build: and returns its ID.
	Build(ctx context.Context, serviceName string, options BuildOptions) (string, error)
	// Pull fetches the image of a service and returns its ID.
	Pull(ctx context.Context, serviceName string) (string, error)
	// Tag makes the reference name the image, whatever it named before.
	Tag(ctx context.Context, imageID, reference string) error
	// Untag removes the name. No such name is no error.
	Untag(ctx context.Context, reference string) error
}

// BuildOptions change how an image is made.
type BuildOptions struct {
	NoCache bool   // run every instruction again, as for dependencies without a version
	As      string // reference that it gets in place of that of its service; empty: that
}

// CreateSpec asks for one container of a service.
type CreateSpec struct {
	Service string
	Name    string
	Number  int
	// Inherit names the container whose anonymous volumes the new one takes
	// over, as docker compose does on a recreate; empty for none.
	Inherit string
	Run     string
	Release int
	// Command makes it a one-off, as docker compose run --no-deps does: the
	// image, environment, networks and volumes of the service, but this command,
	// no published ports, no number, and not one of the service's containers.
	Command []string
	// ImageID is made from instead of what the service's reference names; empty
	// for the reference.
	ImageID string
	// Beside is a directory of a one-off: what is mounted there is replaced by an
	// empty volume of its own, if a container of the service that runs has the
	// same mounted there. Container.Beside tells whether it was.
	Beside string
	// Session is what its sessions with a Postgres begin with; nil: as they would.
	Session *SessionOptions
	// Helper makes it a container of this program in place of one of the
	// service; it is a one-off of it all the same.
	Helper *Helper
	// Trial makes it a one-off of a trial: it is removed with everything else of
	// the run, by the next trial if need be.
	Trial bool
	// Network is the only network of a one-off of a trial, in place of those of its
	// service. It then has nothing else of the service that it could change: its
	// volumes are empty, and what is mounted from the host cannot be written to.
	Network string
}

// ShadowSpec asks for a second, empty database server, for a trial.
type ShadowSpec struct {
	Name    string
	Run     string
	Of      string   // container of the server that it stands for
	Network string   // its only network
	Names   []string // under which others find it there
}

// PostgresServer is a Postgres in a container.
type PostgresServer struct {
	ContainerID string
	ImageID     string
	User        string   // its administrator
	Database    string   // that its image made
	Port        string   // that it listens on
	Names       []string // under which other containers find it
}

// Helper is a container of this program that works on the volume which another
// container has beside what the service has mounted.
type Helper struct {
	Act string // HelperPrepare or HelperPublish
	Of  string // name of the other container
}

// What a helper does.
const (
	HelperPrepare = "prepare" // lets whoever writes to the directory of the service write to the volume
	HelperPublish = "publish" // moves what is new in the volume into the directory of the service
)

// Creator makes containers appear and vanish.
type Creator interface {
	// Create makes the container exactly as docker compose would, with the
	// restart policy "no", and does not start it. A container of that name
	// made by the same run is taken as it is; one of anybody else is an error.
	Create(ctx context.Context, spec CreateSpec) error
	// Remove removes a container by force and waits until it is gone. No such
	// container is no error. Anonymous volumes stay.
	Remove(ctx context.Context, name string) error
	// Fence waits until no create request of a dead client can still bring a
	// container of that name to life, and leaves none of the given run.
	Fence(ctx context.Context, name, run string) error
	// Rename gives a container another name. Renamed already is no error.
	Rename(ctx context.Context, oldName, newName string) error
}

// Containers starts, signals and observes containers that exist.
type Containers interface {
	// Inspect returns ErrNoContainer if there is none of that name.
	Inspect(ctx context.Context, name string) (Container, error)
	Start(ctx context.Context, name string) error
	// Signal sends a signal and does not wait. A container that does not run
	// is no error.
	Signal(ctx context.Context, name, signal string) error
	// SignalProcess sends a signal to the main process itself, past the engine,
	// which would take it for a stop and forget the restart policy.
	SignalProcess(ctx context.Context, name, signal string) error
	// Exec runs a command in a container that runs and returns how it ended. One
	// that takes longer is ended as far as possible and is an error. The command
	// goes on if this process dies: it must not do work that is done once.
	Exec(ctx context.Context, name string, argv []string, atMost time.Duration) (ExecResult, error)
	// SetRestart sets the restart policy.
	SetRestart(ctx context.Context, name, policy string) error
	// SettleStop makes sure that no stop request of a dead client is still
	// pending: afterwards the container is stopped, with the given grace, and a
	// Start holds.
	SettleStop(ctx context.Context, name string, grace time.Duration) error
}

// RouteTarget is a TargetRef with its address.
type RouteTarget struct {
	TargetRef
	Address string // host:port
}

// RouteChange gives a service another route, or takes it away.
type RouteChange struct {
	Service string
	Route   *RouteState // nil: taken away
	Targets []RouteTarget
	// AtStart says that an nginx that passes requests on by itself finds it when
	// it starts: one that runs meanwhile is not told.
	AtStart bool
}

// HoldSpec says how long requests wait, and what becomes of those that wait
// longer.
type HoldSpec struct {
	// Limit is how long requests wait. Without a page each one fails after it.
	// With one, all are answered with it once the hold is that old, those that
	// arrive then at once; with 0 none waits.
	Limit time.Duration
	Page  *Page
}

// Page answers requests, with status 503, that can neither be served nor wait.
type Page struct {
	HTML       string        `json:"html,omitempty"`         // empty: the built-in one
	RetryAfter time.Duration `json:"retryAfterNs,omitempty"` // that clients are asked to wait; 0: the edge's default
}

// Router is the edge, as far as an update needs it.
type Router interface {
	// Routes makes all the changes in one act: no request sees one of them
	// without the others, and a refused one changes nothing. All requests that
	// arrive after it returned follow the new routes.
	Routes(ctx context.Context, changes []RouteChange) error
	// Hold parks the requests for a service until Release. It renews its own
	// lease: if this process dies, the edge releases by itself.
	Hold(ctx context.Context, serviceName string, spec HoldSpec) error
	Release(ctx context.Context, serviceName string) error
	// InFlight counts the requests that a container is still answering,
	// whether it is still routed to or not.
	InFlight(ctx context.Context, containerName string) (int, error)
	// Ensure makes sure that the edge runs and can open the listeners; or that the
	// nginx in its place reads what was written for it.
	Ensure(ctx context.Context, listeners []string) error
}

// Front is a reverse proxy in a container, as nginx is.
type Front interface {
	// Reload makes the proxy of a container read its files again, and returns
	// once it works by them. It returns a *GateError if the proxy goes on by what
	// it read before. Who is still busy by that gets the time; left says how many
	// of its processes are then.
	Reload(ctx context.Context, containerName string, command []string, drain time.Duration) (left int, err error)
}

// Process is a process of a container, as the host sees it.
type Process struct {
	PID     int
	Parent  int
	Started uint64 // on the kernel's clock: no two of one number have the same
	Title   string // its command line, or what it calls itself
}

// GateSpec says when a container counts as healthy.
type GateSpec struct {
	Service    string        `json:"service"`
	Container  string        `json:"container"`
	Kind       string        `json:"kind"`                 // GateEdge, GateDirect, GateHealthcheck or GateRunning
	Port       int           `json:"port,omitempty"`       // GateEdge, GateDirect
	Host       string        `json:"host,omitempty"`       // Host header of the probe
	HealthPath string        `json:"healthPath,omitempty"` // GateEdge, GateDirect
	AnyAnswer  bool          `json:"anyAnswer,omitempty"`  // every answer below 500 will do
	Smoke      []string      `json:"smoke,omitempty"`      // GateEdge, GateDirect: further paths that must not answer with an error
	Test       []string      `json:"test,omitempty"`       // GateHealthcheck: as in Compose, CMD or CMD-SHELL first
	Timeout    time.Duration `json:"timeout"`              // of one probe
	Deadline   time.Duration `json:"deadline"`             // of the whole gate
	Why        string        `json:"why,omitempty"`        // why the deadline is shorter than that of the service, and what changes it
	Successes  int           `json:"successes"`            // in a row
	MinReady   time.Duration `json:"minReady"`             // shortest time that the container must have been up
}

// The ways in which a gate looks at a container.
const (
	GateEdge        = "edge"        // HTTP through the edge, the way that requests take
	GateDirect      = "direct"      // HTTP to the container's address
	GateHealthcheck = "healthcheck" // the test of the compose file, run by us
	GateRunning     = "running"     // it stays up
)

// Gate waits until a container is healthy.
type Gate interface {
	// Gate returns nil once the container passed, a *GateError when it did
	// not within the deadline or died.
	Gate(ctx context.Context, spec GateSpec, probed func(Probe)) error
}

// Probe is the result of one look at a container.
type Probe struct {
	OK       bool          `json:"ok"`
	Answer   string        `json:"answer"` // in words: "200 OK in 3 ms", "connection refused"
	InARow   int           `json:"inARow"`
	Duration time.Duration `json:"duration"`
}

// GateError tells why a container was not let through.
type GateError struct {
	Container string
	Reason    string   // "not healthy within 60 s", "exited with code 1"
	Last      string   // the last answer
	Logs      []string // its last log lines
	Ended     bool     // it was to run to its end: there is no last answer
}

func (e *GateError) Error() string {
	text := e.Container + " " + e.Reason
	if e.Last != "" {
		text += "; last answer: " + e.Last
	}
	return text
}

// Figures measures what a watch compares.
type Figures interface {
	// Traffic is what the edge counted since it started, probes excluded.
	Traffic(ctx context.Context) ([]Traffic, error)
	// Memory measures containers that run, by name. One that ends meanwhile is
	// left out.
	Memory(ctx context.Context, containers []Container) (map[string]MemoryFigure, error)
}

// Journal keeps what was decided and done. Append returns only when the entry
// is on disk.
type Journal interface {
	Append(entry Entry) error
}

// Sink receives events. It must not block.
type Sink interface {
	Emit(event Event)
}

// Clock is time, so that tests can own it.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Together runs the acts in goroutines and waits for all. A panic of one of
// them goes on in the caller once all have ended.
func Together(acts ...func()) {
	var group sync.WaitGroup
	panics := make([]*carriedPanic, len(acts))
	for i, act := range acts {
		group.Go(func() { panics[i] = caught(act) })
	}
	group.Wait()
	for _, carried := range panics {
		if carried != nil {
			panic(carried)
		}
	}
}
