package wire

// PutRequest is the body of PUT /v1/projects/{project}.
type PutRequest struct {
	Config ProjectConfig `json:"config"`
	// WaitBind accepts a listener whose address is still taken: the edge keeps trying
	// in the background for BindMaxWaitMilliseconds (60 s when zero) and reports the state.
	WaitBind                bool  `json:"wait_bind,omitempty"`
	BindMaxWaitMilliseconds int64 `json:"bind_max_wait_ms,omitempty"`
	// IfGeneration refuses the change with CodeOutdated if the edge is not at this
	// generation any more; 0 takes it in any case.
	IfGeneration uint64 `json:"if_generation,omitempty"`
}

// ProjectState is the answer to GET /v1/projects/{project}: what the project asked for,
// and the generation of the edge at which it was read.
type ProjectState struct {
	ProjectConfig
	Generation uint64 `json:"generation"`
}

// PutResponse tells what the edge serves since the change.
type PutResponse struct {
	Generation uint64          `json:"generation"`
	Listeners  []ListenerState `json:"listeners"`
}

// States of a listener.
const (
	ListenerServing = "serving"
	ListenerWaiting = "waiting"
	ListenerFailed  = "failed"
)

// ListenerState is one socket of the edge.
type ListenerState struct {
	Network string `json:"network"`
	Address string `json:"address"`
	State   string `json:"state"`
	Error   string `json:"error,omitempty"`
}

// AddressRequest is the body of PUT /v1/projects/{project}/addresses: where the
// containers of a project are now, by target id. An empty address says that the
// container does not run. Targets that are not named stay as they are. It moves no
// route, so that it cannot undo a change that is made at the same time.
type AddressRequest struct {
	// Addresses are IPs without a port.
	Addresses map[string]string `json:"addresses"`
}

// HoldRequest is the body of PUT /v1/projects/{project}/holds/{lease}: it takes the
// hold, or renews it when the lease is known. Unless renewed within the TTL, the edge
// releases it by itself.
type HoldRequest struct {
	// Services are the names to hold; empty means all of the project.
	Services        []string `json:"services,omitempty"`
	TTLMilliseconds int64    `json:"ttl_ms"`
	// PageAfterMilliseconds is the age of the hold from which on requests are answered
	// with the page, those that wait included, until the hold ends. With a page and 0
	// none waits; without both, each waits for the limit of its service.
	PageAfterMilliseconds int64 `json:"page_after_ms,omitempty"`
	Page                  *Page `json:"page,omitempty"`
}

// HoldResponse says until when a hold lasts unless renewed.
type HoldResponse struct {
	Generation      uint64 `json:"generation"`
	TTLMilliseconds int64  `json:"ttl_ms"`
}

// ReleaseResponse answers the end of a hold or of a project.
type ReleaseResponse struct {
	Generation uint64 `json:"generation"`
}

// InFlight is the answer to GET /v1/targets/{id}: it also knows targets that no
// snapshot names any more, until their last request has ended.
type InFlight struct {
	Target string `json:"target"`
	// Requests counts claimed requests that are not fully answered, tunnels included.
	Requests int64 `json:"requests"`
	// Tunnels counts those among them that do not end by themselves: upgraded
	// connections and event streams.
	Tunnels int64 `json:"tunnels"`
	// Idle counts pooled connections without a request.
	Idle int `json:"idle"`
	// Claimable tells whether ordinary requests can still reach it.
	Claimable bool `json:"claimable"`
	// Known is false when the edge holds nothing of this target any more.
	Known bool `json:"known"`
}

// Health is the answer to GET /v1/health.
type Health struct {
	Version     string `json:"version"`
	WireVersion int    `json:"wire_version"`
	PID         int    `json:"pid"`
	Generation  uint64 `json:"generation"`
	// Leaving is set once the edge was asked to stop.
	Leaving bool `json:"leaving,omitempty"`
	// Unverified lists projects whose targets were loaded after a reboot of the host:
	// their addresses may belong to other containers, so their requests wait until
	// the project is put again.
	Unverified []string        `json:"unverified,omitempty"`
	Listeners  []ListenerState `json:"listeners"`
	// Disabled lists parts of the loaded snapshot that were refused, with the reason.
	Disabled []string `json:"disabled,omitempty"`
	Holds    []Hold   `json:"holds,omitempty"`
	// Maintenance lists the projects whose requests get the page of their maintenance.
	Maintenance []string `json:"maintenance,omitempty"`
}

// Hold is a hold in force.
type Hold struct {
	Project         string   `json:"project"`
	Lease           string   `json:"lease"`
	Services        []string `json:"services"`
	TTLMilliseconds int64    `json:"ttl_ms"`
	// SinceUnixMilliseconds is when it began; renewals keep it.
	SinceUnixMilliseconds int64 `json:"since_unix_ms,omitempty"`
	PageAfterMilliseconds int64 `json:"page_after_ms,omitempty"`
	// Paging tells that requests are answered with its page by now.
	Paging bool `json:"paging,omitempty"`
}

// Codes of Refusal.
const (
	CodeInvalid     = "invalid"
	CodeConflict    = "conflict"
	CodeBind        = "bind"
	CodeUnknown     = "unknown"
	CodePersist     = "persist"
	CodeOutdated    = "outdated"
	CodeUnsupported = "unsupported"
)

// Refusal is the body of every answer that is not a success.
type Refusal struct {
	Code  string `json:"code"`
	Error string `json:"error"`
}
