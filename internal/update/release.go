package update

import (
	"fmt"
	"time"

	"gapless/internal/change"
)

// Release is the immutable record of what runs after an update: enough to
// bring it back when its containers are gone and its tags have moved.
type Release struct {
	Format   int                       `json:"format"`
	Number   int                       `json:"number"`
	Project  string                    `json:"project"`
	Previous int                       `json:"previous,omitempty"`
	BackTo   int                       `json:"backTo,omitempty"` // the release that this one brought back
	Run      string                    `json:"run"`
	Time     time.Time                 `json:"time"`
	Strategy string                    `json:"strategy"`
	Because  string                    `json:"because"`
	Migrated []Migrated                `json:"migrated,omitempty"`
	Waiting  []Waiting                 `json:"waiting,omitempty"`
	Backup   string                    `json:"backup,omitempty"`   // made before it migrated
	Restored string                    `json:"restored,omitempty"` // the backup that its data came from; empty: the data stayed
	Adopted  bool                      `json:"adopted,omitempty"`  // found running, not made by us
	Services map[string]ReleaseService `json:"services"`
	// Revision is what the checkout was at; nil if there was none.
	Revision *Revision `json:"revision,omitempty"`
	// Sources are what the images were built from, by BuildHash: services with
	// the same build share one.
	Sources  map[string]change.Source `json:"sources,omitempty"`
	Rendered []byte                   `json:"rendered"` // the resolved compose project
	Receipt  *Receipt                 `json:"receipt,omitempty"`
}

// Migrated is what an update did to the schema of a service's database.
type Migrated struct {
	Service string   `json:"service"`
	Names   []string `json:"names,omitempty"` // empty: nobody knows which
	// Verdict says whether the release before survives it: MigrationsCompatible,
	// MigrationsBreaking or empty where nobody said it.
	Verdict string `json:"verdict,omitempty"`
	By      string `json:"by,omitempty"` // job that runs them; empty: a task of the service
	// Since is the release whose code does without what they take away, where the
	// verdict is about those before it; 0: about the release before this one.
	Since int `json:"since,omitempty"`
	// Judged tells that it was found out what is Irreversible of them, and why.
	Judged       bool     `json:"judged,omitempty"`
	Irreversible []string `json:"irreversible,omitempty"`
}

// Waiting are migrations that wait until no older version serves or is to come
// back.
type Waiting struct {
	Service string    `json:"service"`
	Names   []string  `json:"names"`
	Since   int       `json:"since"` // release whose code does without what they take away
	Time    time.Time `json:"time"`  // when that release was made
}

// Words says what waits.
func (w Waiting) Words() string {
	return fmt.Sprintf("%s of %s, since release %d", migrationWords(w.Service, w.Names), w.Service, w.Since)
}

// Words says what was migrated, and what that means for the release before.
func (m Migrated) Words() string {
	text := migrationWords(m.Service, m.Names)
	if m.Since > 0 {
		return fmt.Sprintf("%s, which releases before %d do not survive", text, m.Since)
	}
	switch m.Verdict {
	case MigrationsCompatible:
		return text + ", which the release before survives"
	case MigrationsBreaking:
		return text + ", which the release before does not survive"
	default:
		return text + ", of which nobody said whether the release before survives it"
	}
}

// ReleaseFormat is the version of the record that this program writes.
const ReleaseFormat = 1

// ReleaseService is what a release ran for one service.
type ReleaseService struct {
	Image      string   `json:"image"`
	ImageID    string   `json:"imageId"`
	ConfigHash string   `json:"configHash"`
	BuildHash  string   `json:"buildHash,omitempty"` // of the source of the image
	BaseID     string   `json:"baseId,omitempty"`    // image that it was built upon
	Static     string   `json:"static,omitempty"`    // reference of another image whose static files it uses
	AtStart    bool     `json:"atStart,omitempty"`   // its image migrates whenever a container starts
	Pin        string   `json:"pin,omitempty"`       // our tag, which keeps the image from being pruned
	Containers []string `json:"containers,omitempty"`
	// MountHashes are the digests of what the containers read from the host, by
	// their place in the container.
	MountHashes map[string]string `json:"mountHashes,omitempty"`
	// StepTimes is how long the steps of the service took, by verb. A kind of
	// step that the update did not need keeps the time of an earlier one.
	StepTimes map[string]time.Duration `json:"stepTimesNs,omitempty"`
}

// SourceOf is what the image of a service was built from; nil if it was not
// built, or nobody recorded it.
func (r *Release) SourceOf(serviceName string) *change.Source {
	if r == nil || r.Services[serviceName].BuildHash == "" {
		return nil
	}
	hash := r.Services[serviceName].BuildHash
	if source, listed := r.Sources[hash]; listed {
		return &source
	}
	return &change.Source{Hash: hash}
}

// SetSource records what the image of a service was built from; nil for
// nothing known.
func (r *Release) SetSource(serviceName string, source *change.Source) {
	service := r.Services[serviceName]
	service.BuildHash = ""
	if source != nil {
		service.BuildHash = source.Hash
		if r.Sources == nil {
			r.Sources = map[string]change.Source{}
		}
		r.Sources[source.Hash] = *source
	}
	r.Services[serviceName] = service
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
	Paged             *int64           `json:"paged"`    // got the maintenance page: neither served nor failed
	PagedMillis       *float64         `json:"paged_ms"` // for which it was up
	GapMillis         *float64         `json:"gap_ms"`
	Probes            *int64           `json:"probes"`
	ProbeFailures     *int64           `json:"probe_failures"`
	ProbeURL          string           `json:"probe_url,omitempty"`
	P95BeforeMillis   *float64         `json:"p95_before_ms"`
	P95DuringMillis   *float64         `json:"p95_during_ms"`
	P95AfterMillis    *float64         `json:"p95_after_ms"`
	PeakExtraBytes    *int64           `json:"peak_extra_bytes"`
	FailedByCause     map[string]int64 `json:"failed_by_cause,omitempty"`
	Watch             *WatchVerdict    `json:"watch,omitempty"`
	Waiting           []string         `json:"waiting,omitempty"`  // migrations that gapless migrations contract runs
	NotTold           []string         `json:"not_told,omitempty"` // channels that took no message, and why
	Steps             []ReceiptStep    `json:"steps"`
}

// ReceiptStep is the share of one step.
type ReceiptStep struct {
	Verb           string `json:"verb"`
	Object         string `json:"object"`
	DurationMillis int64  `json:"duration_ms"`
	Result         string `json:"result"`
}
