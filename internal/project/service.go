package project

import (
	"fmt"
	"time"
)

// Service is one service of a project, reduced to what planning an update needs.
type Service struct {
	Name string
	// Image is the reference as Compose uses it; a service that is only built
	// is called <project>-<service>.
	Image string
	Build bool
	// BaseImage is what a locally built image is built upon, empty when the
	// Dockerfile does not say it plainly.
	BaseImage string

	Role       Role
	RoleReason string // why it has this role, in words for the plan
	Nginx      bool   // it runs nginx, or what is called in the same way

	// Entrypoint and Command are those of the compose file; empty: the image's.
	Entrypoint []string
	Command    []string

	Replicas      int
	ContainerName string
	HostPorts     []Port // published ports that name one host port
	HTTPPort      int    // container port that speaks HTTP, 0 when not found out
	NamedBy       string // front that passes requests to this service by its name; empty when none does
	DependsOn     []string
	Volumes       []Volume
	Healthcheck   *Healthcheck // nil when there is none or it is disabled

	StopSignal string        // empty means the image's own, SIGTERM by default
	StopGrace  time.Duration // time between the stop signal and SIGKILL
	GraceSet   bool          // the compose file says it
	Restart    string

	Route       *Route // nil when the edge does not stand before this service
	Order       Order  // empty when the role decides
	Overlap     *bool  // x-gapless overlap, nil when it was not said
	Parallelism int    // replicas replaced at once, at least 1
	Quiesce     []string
	HoldLimit   time.Duration // 0 means the default of whoever holds
	Drain       time.Duration // 0 means the default of whoever drains
	Gate        Gate
	Reload      *Reload // how a running container takes new settings, nil when it has to be restarted

	// Framework is what the service is written with; FrameworkCommand begins
	// every command of it, such as python3 manage.py.
	Framework        Framework
	FrameworkReason  string
	FrameworkCommand []string
	Preparation

	// Hooks are those of Compose that an update does not run.
	Hooks []string

	NetworkMode      string
	IPCMode, PIDMode string
	FixedAddresses   []string // IP or MAC addresses that only one container can have
	Devices          []string
	MemoryLimitBytes int64 // 0 means unlimited
}

// ResolvesOnReload is the command after which a front looks up the names of the
// services behind it again; nil where it does so by itself, or cannot.
//
// nginx resolves the names of its upstreams once, when it reads its
// configuration (ngx_http_upstream_module).
func (s Service) ResolvesOnReload() []string {
	switch frontOf(s.runs()) {
	case "nginx", "openresty", "angie":
		return []string{frontOf(s.runs()), "-s", "reload"}
	}
	return nil
}

// runs returns the image that tells most about what the service is.
func (s Service) runs() string {
	if s.BaseImage != "" {
		return s.BaseImage
	}
	return s.Image
}

// Port is a published port.
type Port struct {
	Host      int
	HostIP    string // empty means every address
	Container int
	Protocol  string // tcp or udp
}

// String writes a port the way compose files do.
func (p Port) String() string {
	text := fmt.Sprintf("%d:%d", p.Host, p.Container)
	if p.HostIP != "" {
		text = p.HostIP + ":" + text
	}
	if p.Protocol != "" && p.Protocol != "tcp" {
		text += "/" + p.Protocol
	}
	return text
}

// VolumeKind says what stands behind a mount.
type VolumeKind string

// The kinds of mounts. Mounts of images, clusters and named pipes hold no
// state of the service and are left out.
const (
	VolumeNamed     VolumeKind = "volume"
	VolumeBind      VolumeKind = "bind"
	VolumeAnonymous VolumeKind = "anonymous"
	VolumeTmpfs     VolumeKind = "tmpfs"
)

// Volume is one mount of a service.
type Volume struct {
	Source   string // key of the volume, or absolute host path of a bind mount
	Target   string
	Kind     VolumeKind
	Writable bool
	Shared   bool // another service mounts the same source
	Harmless bool // it is known to hold no embedded database
}

// Healthcheck is an enabled healthcheck. Zero durations and retries are
// replaced by Docker's defaults.
type Healthcheck struct {
	Test          []string // first word is CMD or CMD-SHELL; empty means the image's
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration
	StartInterval time.Duration
	Retries       int
}

// Deadline is the longest time that a container may take before Docker calls
// it unhealthy.
func (h Healthcheck) Deadline() time.Duration {
	return h.StartPeriod + time.Duration(h.Retries)*(h.Interval+h.Timeout)
}

// Route is how requests reach a service through the edge.
type Route struct {
	Port       int // container port
	Hosts      []string
	Path       string // prefix, "/" by default
	HealthPath string // empty when not known
	Smoke      []string
	On         Listener // ListenerAll by default
}

// Gate is what a new container must pass. Zero values mean the defaults.
type Gate struct {
	Successes int           `yaml:"successes" doc:"consecutive good probes" min:"1" max:"100"`
	Deadline  time.Duration `yaml:"deadline" doc:"longest time until they must have come"`
}

// Order says whether the new container starts before the old one stops.
type Order string

// The orders of deploy.update_config, with Swarm's meanings.
const (
	OrderAuto       Order = ""
	OrderStartFirst Order = "start-first"
	OrderStopFirst  Order = "stop-first"
)

// Preparation is what an update runs in the new image beside the service
// itself. Of several services that share an image one has the commands.
type Preparation struct {
	Checks  [][]string // must succeed before anything is touched
	Migrate []string   // changes the database's schema, empty when that is nobody's or a job's work
	Pending []string   // prints the migrations that are due and changes nothing
	// MigrationSQL prints the SQL of the migrations that are due and changes nothing.
	MigrationSQL []string
	// MigratedBy is the job of the compose file that migrates in its place, and
	// JobMigrate the command that does the same, to find out what it will do.
	MigratedBy string
	JobMigrate []string
	// Compatible is what the settings say about the old version: whether it can
	// work on the migrated database. Nil when they do not say it.
	Compatible *bool
	Static     []string // collects static files into a volume
	// StaticTarget is the directory of the container that a front serves these
	// files from; empty if none does.
	StaticTarget string
}

// Reload is a declared way to make a container read its settings again without
// a restart: one of the two.
type Reload struct {
	Signal  string
	Command []string
}
