package update

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"gapless/internal/change"
)

// Container is one container as the engine reports it.
type Container struct {
	Name         string    `json:"name"`
	ID           string    `json:"id"`
	Service      string    `json:"service"`
	Number       int       `json:"number"`
	Image        string    `json:"image"`   // reference it was created from
	ImageID      string    `json:"imageId"` // content it really runs
	ConfigHash   string    `json:"configHash"`
	Running      bool      `json:"running"`
	Restarting   bool      `json:"restarting,omitempty"`
	Restart      string    `json:"restart"` // restart policy as "no", "always", "unless-stopped", "on-failure[:n]"
	RestartCount int       `json:"restartCount,omitempty"`
	OOMKilled    bool      `json:"oomKilled,omitempty"`
	Unhealthy    bool      `json:"unhealthy,omitempty"` // by its own healthcheck, several times in a row
	ExitCode     int       `json:"exitCode,omitempty"`
	PID          int       `json:"pid,omitempty"`
	StartedAt    time.Time `json:"startedAt,omitzero"`
	Addresses    []string  `json:"addresses,omitempty"` // IPs that the host reaches, main network first
	StopSignal   string    `json:"stopSignal,omitempty"`
	Entrypoint   []string  `json:"entrypoint,omitempty"`
	Command      []string  `json:"command,omitempty"`
	MemoryBytes  int64     `json:"memoryBytes,omitempty"` // resident set now; 0 if not measured
	Run          string    `json:"run,omitempty"`         // the update that made it, from our label
	Created      time.Time `json:"created,omitzero"`
	Beside       string    `json:"beside,omitempty"` // directory in which it has an empty volume in place of what the service has there
	// Binds are the files and directories of the host that it has mounted, by where.
	Binds map[string]string `json:"binds,omitempty"`
}

// sees tells whether the container has a directory of the host at a place, by
// itself or in one that holds it.
func (c Container) sees(host, inside string) bool {
	for target, source := range c.Binds {
		below, err := filepath.Rel(source, host)
		if err == nil && filepath.IsLocal(below) && path.Join(target, filepath.ToSlash(below)) == inside {
			return true
		}
	}
	return false
}

// Address is the IP under which the edge reaches the container; empty if it
// has none, as a stopped one.
func (c Container) Address() string {
	if len(c.Addresses) == 0 {
		return ""
	}
	return c.Addresses[0]
}

// Image is what is wanted of one service's image.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id,omitempty"` // empty if it is not on this host
}

// State is everything that a plan is made from: what runs, what is on the
// host and what the last release recorded. It is read once and never changed.
type State struct {
	Containers   []Container              `json:"containers"`
	Images       map[string]Image         `json:"images"`           // by service name
	ConfigHashes map[string]string        `json:"configHashes"`     // wanted, by service name
	Sources      map[string]change.Source `json:"-"`                // to build from now, by service name
	BaseIDs      map[string]string        `json:"-"`                // images to build upon, by service name
	Mounts       map[string][]MountedFile `json:"-"`                // by service name
	Routes       map[string]RouteState    `json:"routes,omitempty"` // as the edge has them, by service name
	FormerRoutes map[string]RouteState    `json:"-"`                // that the edge still has, where a front passes requests on by itself now
	Release      *Release                 `json:"release,omitempty"`
	Pending      map[string][]string      `json:"-"` // migrations that the new image said are due, by service name; no entry: not asked
	Judgements   map[string]*Judgement    `json:"-"` // of the migrations that are due, by service name; no entry: nothing was found out
	Built        map[string]string        `json:"-"` // images that were built already to judge their migrations, by service name
	Processors   int                      `json:"-"` // of the host; 0 if not known
	TakenPorts   map[int]string           `json:"-"` // host ports in use, with the owner
	NoHelper     string                   `json:"-"` // why this program cannot run in a container; empty: it can
	StepTimes    map[string]time.Duration `json:"-"` // measured by earlier updates, by StepKey
	Backup       *BackupTarget            `json:"-"` // nil: nothing is backed up before migrations
	Capacity     `json:"-"`
}

// ContainersOf lists the containers of one service by their number.
func (s State) ContainersOf(serviceName string) []Container {
	var found []Container
	for _, c := range s.Containers {
		if c.Service == serviceName {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name))
	})
	return found
}

// memoryEach is what one container of each service needs, judged by the running
// ones.
func (s State) memoryEach() map[string]int64 {
	each := map[string]int64{}
	for _, c := range s.Containers {
		each[c.Service] = max(each[c.Service], c.MemoryBytes)
	}
	return each
}

// RouteState is how requests reach one service through the edge.
type RouteState struct {
	Listeners  []string    `json:"listeners,omitempty"` // ":80" or the path of a unix socket
	Hosts      []string    `json:"hosts,omitempty"`     // empty: any host
	Path       string      `json:"path"`
	Port       int         `json:"port"` // of the containers
	HealthPath string      `json:"healthPath,omitempty"`
	Outdated   bool        `json:"outdated,omitempty"` // containers have moved since it was set
	Targets    []TargetRef `json:"targets,omitempty"`
}

// ListenerPort is the port that a listener is on; 0 for a unix socket.
func ListenerPort(listener string) int {
	_, text, err := net.SplitHostPort(listener)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// TargetRef names a container behind a route. Its address is looked up when
// the route is set, because a restart can change it.
type TargetRef struct {
	Container  string `json:"container"`
	Generation string `json:"generation"`     // release that it belongs to
	Weight     int    `json:"weight"`         // 0: probes only
	Port       int    `json:"port,omitempty"` // that it listens on; 0: that of the route
}

// WithTargets returns the route with other targets.
func (r RouteState) WithTargets(targets ...TargetRef) RouteState {
	r.Targets = targets
	return r
}

// Fingerprint changes whenever a plan made from the state may no longer fit.
func (s State) Fingerprint() string {
	type part struct {
		ID, ImageID, Hash string
		Running           bool
	}
	var parts []any
	for _, c := range s.Containers {
		parts = append(parts, part{c.ID, c.ImageID, c.ConfigHash, c.Running})
	}
	hashes := map[string]string{}
	for name, source := range s.Sources {
		hashes[name] = source.Hash
	}
	parts = append(parts, s.Images, s.ConfigHashes, hashes, s.Mounts)
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings and maps of strings always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
