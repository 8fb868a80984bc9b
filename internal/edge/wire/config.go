// Package wire holds the messages that the edge and its client exchange over the
// control socket. It owns shapes, names and defaults; it must not hold behaviour that
// touches a socket, a file or a clock, and it imports nothing beyond the standard library.
package wire

import "time"

// Version is the number of the control protocol. A client and an edge with the same
// number understand each other; the number is also the first element of every path.
const Version = 1

// Names of the files in the edge's state directory.
const (
	ControlSocketName = "control.sock"
	ProbeSocketName   = "probe.sock"
	SnapshotName      = "snapshot.json"
)

// Headers of the probe socket, and the one that tells an answer of the edge itself
// from an answer of the application.
const (
	HeaderProject = "Gapless-Project"
	HeaderService = "Gapless-Service"
	HeaderTarget  = "Gapless-Target"
	HeaderCause   = "Gapless-Cause"
)

// CauseMaintenance in HeaderCause tells that the answer is a Page.
const CauseMaintenance = "maintenance"

// ProjectConfig is everything one Compose project asks of the edge. Putting it
// replaces what that project asked before and touches no other project.
type ProjectConfig struct {
	Project   string     `json:"project"`
	Listeners []Listener `json:"listeners"`
	Services  []Service  `json:"services"`
	// Maintenance answers the requests of all services with a page; nil: it is off.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
}

// Listener is a socket that clients connect to. Two projects may ask for the same
// network and address; the socket is then shared and stays open while one wants it.
type Listener struct {
	// Name is unique in the project; services refer to it.
	Name string `json:"name"`
	// Network is "tcp" or "unix".
	Network string `json:"network"`
	// Address is "host:port", ":port" or the absolute path of a unix socket.
	Address string `json:"address"`
	// TrustedProxies lists CIDRs whose X-Forwarded-* headers are believed. The peer
	// of a unix socket is always believed.
	TrustedProxies []string `json:"trusted_proxies,omitempty"`
}

// Service is one route with the targets that may answer it.
type Service struct {
	Name string `json:"name"`
	// Listeners names the listeners it is reachable on; empty means all of the project.
	Listeners []string `json:"listeners,omitempty"`
	// Hosts are exact names or "*.example.com"; empty means any host.
	Hosts []string `json:"hosts,omitempty"`
	// PathPrefix matches whole path segments; empty means "/".
	PathPrefix string `json:"path_prefix,omitempty"`
	// HealthPath is what load balancers and monitors ask for, without a query.
	HealthPath string   `json:"health_path,omitempty"`
	Targets    []Target `json:"targets"`
	// Held parks every request until a later configuration says otherwise. A hold
	// with a lease is separate from it and safer.
	Held   bool   `json:"held,omitempty"`
	Limits Limits `json:"limits"`
}

// Target is one container's port.
type Target struct {
	// ID is the container's name.
	ID string `json:"id"`
	// Generation names the release that the container runs; counters are kept per
	// service and generation.
	Generation string `json:"generation"`
	// Address is "ip:port".
	Address string `json:"address"`
	// Weight is the share of ordinary requests; 0 gets none but can be probed.
	Weight int `json:"weight"`
	// Absent says that the container does not run: its address may be somebody else's
	// by now, so nothing is sent there until an address is given again.
	Absent bool `json:"absent,omitempty"`
}

// Limits bound what a request may cost. Zero means the default.
type Limits struct {
	// HoldMaxRequests is how many requests may be parked at once (10000).
	HoldMaxRequests int `json:"hold_max_requests,omitempty"`
	// HoldMaxBytes is the memory that parked requests may take (256 MiB).
	HoldMaxBytes int64 `json:"hold_max_bytes,omitempty"`
	// HoldMaxWaitMilliseconds is how long one request may be parked (30 s).
	HoldMaxWaitMilliseconds int64 `json:"hold_max_wait_ms,omitempty"`
	// ConnectMaxWaitMilliseconds is how long connecting to a target is retried, and how
	// long a request waits for a service without any target (10 s).
	ConnectMaxWaitMilliseconds int64 `json:"connect_max_wait_ms,omitempty"`
	// ResponseMaxWaitMilliseconds is the time until the head of the answer (300 s).
	ResponseMaxWaitMilliseconds int64 `json:"response_max_wait_ms,omitempty"`
	// StreamMaxSilenceMilliseconds is the longest silence within a streamed answer or a
	// tunnel (1 h).
	StreamMaxSilenceMilliseconds int64 `json:"stream_max_silence_ms,omitempty"`
}

// Defaults of Limits.
const (
	DefaultHoldMaxRequests  = 10000
	DefaultHoldMaxBytes     = 256 << 20
	DefaultHoldMaxWait      = 30 * time.Second
	DefaultConnectMaxWait   = 10 * time.Second
	DefaultResponseMaxWait  = 300 * time.Second
	DefaultStreamMaxSilence = time.Hour
)
