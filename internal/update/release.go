package update

import "time"

// Release is the immutable record of what runs after an update: enough to
// bring it back when its containers are gone and its tags have moved.
type Release struct {
	Format   int                       `json:"format"`
	Number   int                       `json:"number"`
	Project  string                    `json:"project"`
	Previous int                       `json:"previous,omitempty"`
	Run      string                    `json:"run"`
	Time     time.Time                 `json:"time"`
	Strategy string                    `json:"strategy"`
	Because  string                    `json:"because"`
	Adopted  bool                      `json:"adopted,omitempty"` // found running, not made by us
	Services map[string]ReleaseService `json:"services"`
	Rendered []byte                    `json:"rendered"` // the resolved compose project
	Receipt  *Receipt                  `json:"receipt,omitempty"`
}

// ReleaseFormat is the version of the record that this program writes.
const ReleaseFormat = 1

// ReleaseService is what a release ran for one service.
type ReleaseService struct {
	Image      string   `json:"image"`
	ImageID    string   `json:"imageId"`
	ConfigHash string   `json:"configHash"`
	BuildHash  string   `json:"buildHash,omitempty"`
	Pin        string   `json:"pin,omitempty"` // our tag, which keeps the image from being pruned
	Containers []string `json:"containers,omitempty"`
	// StepTimes is how long the steps of the service took, by verb. A kind of
	// step that the update did not need keeps the time of an earlier one.
	StepTimes map[string]time.Duration `json:"stepTimesNs,omitempty"`
}

// Receipt is what an update cost. A figure that was not measured is null.
type Receipt struct {
	Project           string           `json:"project"`
	From              int              `json:"from"`
	To                int              `json:"to"`
	Strategy          string           `json:"strategy"`
	Reason            string           `json:"reason"`
	Result            Result           `json:"result"`
	DurationMillis    int64            `json:"duration_ms"`
	Requests          *int64           `json:"requests"`
	Failed            *int64           `json:"failed"`
	Held              *int64           `json:"held"`
	LongestHoldMillis *float64         `json:"longest_hold_ms"`
	GapMillis         *float64         `json:"gap_ms"`
	Probes            *int64           `json:"probes"`
	ProbeFailures     *int64           `json:"probe_failures"`
	ProbeURL          string           `json:"probe_url,omitempty"`
	P95BeforeMillis   *float64         `json:"p95_before_ms"`
	P95DuringMillis   *float64         `json:"p95_during_ms"`
	P95AfterMillis    *float64         `json:"p95_after_ms"`
	PeakExtraBytes    *int64           `json:"peak_extra_bytes"`
	FailedByCause     map[string]int64 `json:"failed_by_cause,omitempty"`
	Steps             []ReceiptStep    `json:"steps"`
}

// ReceiptStep is the share of one step.
type ReceiptStep struct {
	Verb           string `json:"verb"`
	Object         string `json:"object"`
	DurationMillis int64  `json:"duration_ms"`
	Result         string `json:"result"`
}
