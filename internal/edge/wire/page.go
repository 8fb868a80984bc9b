package wire

import "time"

// Page is what the edge answers with status 503 instead of letting a request wait or
// fail: HTML for browsers, a few fields of JSON for clients that ask for JSON first.
type Page struct {
	// HTML is the whole document; empty means the built-in one.
	HTML string `json:"html,omitempty"`
	// RetryAfterSeconds is what clients are asked to wait (30).
	RetryAfterSeconds int `json:"retry_after_s,omitempty"`
}

// Bounds and defaults of Page.
const (
	MaxPageBytes             = 64 << 10
	DefaultRetryAfterSeconds = 30
	MaxRetryAfterSeconds     = 24 * 60 * 60
)

// Maintenance takes a project out of service: its requests get the page until somebody
// takes this back. It outlives the edge and every change of routes.
type Maintenance struct {
	Page Page `json:"page"`
	// Allow lists CIDRs of clients that are served all the same. Behind a proxy that is
	// believed, the client is the last address in X-Forwarded-For that is no such proxy.
	Allow []string `json:"allow,omitempty"`
	// HealthPass serves requests for the health path of a service too.
	HealthPass bool `json:"health_pass,omitempty"`
	// Since is when it began, for those who ask.
	Since time.Time `json:"since,omitzero"`
}
