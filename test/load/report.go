package load

import (
	"slices"
	"time"
)

// Report is what a run, or a part of one, came to. Times are in milliseconds
// where the name says so.
type Report struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Requests int       `json:"requests"`
	Unsent   int       `json:"unsent,omitempty"` // for which Config.MaxOpen left no room
	Failed   int       `json:"failed"`
	Causes   []Cause   `json:"causes,omitempty"` // most frequent first

	// LongestOutageMS is the longest time from a request that failed to the
	// next one, in the order of their start, that did not.
	LongestOutageMS float64 `json:"longest_outage_ms"`
	// LongestSilenceMS is the longest time without any right answer arriving,
	// up to the start of the last request.
	LongestSilenceMS float64 `json:"longest_silence_ms"`

	// Latencies leave out failures and requests that are slow on purpose.
	P50MS float64 `json:"p50_ms"`
	P95MS float64 `json:"p95_ms"`
	P99MS float64 `json:"p99_ms"`
	MaxMS float64 `json:"max_ms"`

	Versions []VersionSpan  `json:"versions,omitempty"`
	Streams  StreamReport   `json:"streams"`
	Journal  *JournalReport `json:"journal,omitempty"`

	samples []Sample
}

// Cause is one class of failure.
type Cause struct {
	Name    string   `json:"name"`
	Count   int      `json:"count"`
	Samples []Sample `json:"samples"` // the first few
}

// VersionSpan is when a version of the application was seen in right answers.
type VersionSpan struct {
	Version string    `json:"version"`
	Count   int       `json:"count"`
	First   time.Time `json:"first"` // start of the first request that it answered
	Last    time.Time `json:"last"`  // start of the last one
}

// StreamReport is what became of the WebSocket and of the event stream. A
// close or an end is orderly: the client connects again and misses nothing.
type StreamReport struct {
	SocketConnects int      `json:"socket_connects"`
	Echoes         int      `json:"echoes"`
	SocketCloses   int      `json:"socket_closes"`
	SocketCuts     int      `json:"socket_cuts"`
	SocketRefused  int      `json:"socket_refused"`
	EventsConnects int      `json:"events_connects"`
	Events         int      `json:"events"`
	EventsEnds     int      `json:"events_ends"`
	EventsCuts     int      `json:"events_cuts"`
	EventsRefused  int      `json:"events_refused"`
	EventsMissing  int      `json:"events_missing"`
	EventsRepeated int      `json:"events_repeated"`
	Problems       []string `json:"problems,omitempty"`
}

func (s *StreamReport) clean() bool {
	return s.SocketCuts+s.SocketRefused+s.EventsCuts+s.EventsRefused+s.EventsMissing+s.EventsRepeated == 0
}

// Clean says that nothing at all went wrong: requests, streams, journal.
func (r *Report) Clean() bool {
	return r.Failed == 0 && r.Streams.clean() && (r.Journal == nil || r.Journal.clean())
}

// Window reports on the requests that started in [from, to).
func (r *Report) Window(from, to time.Time) Report {
	var inside []Sample
	for _, sample := range r.samples {
		if !sample.Start.Before(from) && sample.Start.Before(to) {
			inside = append(inside, sample)
		}
	}
	return newReport(from, to, inside)
}

// Served returns the version that gave the last right answer that named one.
func (r *Report) Served() string {
	for _, sample := range slices.Backward(r.samples) {
		if !sample.Failed() && sample.Version != "" {
			return sample.Version
		}
	}
	return ""
}

// Samples returns every request, in the order of their start.
func (r *Report) Samples() []Sample { return r.samples }

func newReport(from, to time.Time, samples []Sample) Report {
	slices.SortStableFunc(samples, func(a, b Sample) int { return a.Start.Compare(b.Start) })
	r := Report{From: from, To: to, Requests: len(samples), samples: samples}
	r.countCauses()
	r.measureOutage()
	r.measureSilence()
	r.measureLatency()
	r.countVersions()
	return r
}

const samplesPerCause = 5

func (r *Report) countCauses() {
	index := map[string]int{}
	for _, sample := range r.samples {
		if !sample.Failed() {
			continue
		}
		r.Failed++
		i, known := index[sample.Cause]
		if !known {
			i = len(r.Causes)
			index[sample.Cause] = i
			r.Causes = append(r.Causes, Cause{Name: sample.Cause})
		}
		cause := &r.Causes[i]
		cause.Count++
		if len(cause.Samples) < samplesPerCause {
			cause.Samples = append(cause.Samples, sample)
		}
	}
	slices.SortStableFunc(r.Causes, func(a, b Cause) int { return b.Count - a.Count })
}

func (r *Report) measureOutage() {
	var began time.Time
	for _, sample := range r.samples {
		switch {
		case sample.Failed() && began.IsZero():
			began = sample.Start
		case !sample.Failed() && !began.IsZero():
			r.LongestOutageMS = max(r.LongestOutageMS, milliseconds(sample.Start.Sub(began)))
			began = time.Time{}
		}
	}
	if !began.IsZero() {
		r.LongestOutageMS = max(r.LongestOutageMS, milliseconds(r.To.Sub(began)))
	}
}

func (r *Report) measureSilence() {
	if len(r.samples) == 0 {
		return
	}
	var ends []time.Time
	for _, sample := range r.samples {
		if !sample.Failed() {
			ends = append(ends, sample.End())
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	previous, last := r.samples[0].Start, r.samples[len(r.samples)-1].Start
	for _, end := range append(ends, last) {
		if end.After(last) {
			end = last
		}
		r.LongestSilenceMS = max(r.LongestSilenceMS, milliseconds(end.Sub(previous)))
		previous = end
	}
}

func (r *Report) measureLatency() {
	var latencies []float64
	for _, sample := range r.samples {
		if !sample.Failed() && !sample.Slow {
			latencies = append(latencies, milliseconds(sample.Latency))
		}
	}
	if len(latencies) == 0 {
		return
	}
	slices.Sort(latencies)
	rank := func(share float64) float64 { return latencies[int(share*float64(len(latencies)-1))] }
	r.P50MS, r.P95MS, r.P99MS, r.MaxMS = rank(0.50), rank(0.95), rank(0.99), latencies[len(latencies)-1]
}

func (r *Report) countVersions() {
	index := map[string]int{}
	for _, sample := range r.samples {
		if sample.Failed() || sample.Version == "" {
			continue
		}
		i, known := index[sample.Version]
		if !known {
			i = len(r.Versions)
			index[sample.Version] = i
			r.Versions = append(r.Versions, VersionSpan{Version: sample.Version, First: sample.Start})
		}
		r.Versions[i].Count++
		r.Versions[i].Last = sample.Start
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
