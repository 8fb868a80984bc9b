package wire

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
