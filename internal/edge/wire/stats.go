package wire

import "math/bits"

// Stats is the answer to GET /v1/stats.
type Stats struct {
	Generations []GenerationStats `json:"generations"`
}

// GenerationStats are the counters of one service and one generation since the edge
// started. The empty generation holds requests that ended before a target was claimed.
type GenerationStats struct {
	Project    string `json:"project"`
	Service    string `json:"service"`
	Generation string `json:"generation"`
	// Requests counts requests that ended, failures and client aborts included.
	Requests uint64 `json:"requests"`
	// Failures counts requests that got no honest answer of the application, by cause.
	Failures map[string]uint64 `json:"failures,omitempty"`
	// ServerErrors counts honest answers with a status of 500 or more.
	ServerErrors uint64 `json:"server_errors"`
	// ClientAborts counts requests whose client went away or sent a broken body.
	ClientAborts uint64 `json:"client_aborts"`
	// Retries counts attempts repeated on another connection.
	Retries uint64 `json:"retries"`
	// Held counts requests that were parked and got no page in the end, and
	// LongestHoldMilliseconds is the worst one.
	Held                    uint64 `json:"held"`
	LongestHoldMilliseconds int64  `json:"longest_hold_ms"`
	// Paged counts requests that the edge answered with a page and status 503, because
	// of a hold or of maintenance. They are neither failures nor served.
	Paged uint64 `json:"paged,omitempty"`
	// PagedMilliseconds is for how long a page was in force so far.
	PagedMilliseconds int64 `json:"paged_ms,omitempty"`
	// InFlight and Parked are the present numbers.
	InFlight int64 `json:"in_flight"`
	Parked   int64 `json:"parked"`
	// Latency is the time from the end of the request's head to the end of the answer,
	// time parked included, tunnels and pages excluded.
	Latency Histogram `json:"latency"`
}

// FailureTotal is the sum over all causes.
func (g GenerationStats) FailureTotal() uint64 {
	var total uint64
	for _, count := range g.Failures {
		total += count
	}
	return total
}

// Histogram counts latencies in fixed buckets: below 16 microseconds one bucket each,
// above it 16 buckets per doubling, so a quantile is at most 6.25 % off, 3 % as a rule.
type Histogram struct {
	// Counts is indexed by Bucket; trailing zeros are left out.
	Counts []uint64 `json:"counts,omitempty"`
}

// Buckets is the number of buckets of a Histogram; the last one begins at about 4 hours.
const Buckets = 16 * 31

// Bucket tells which bucket a latency falls into.
func Bucket(microseconds int64) int {
	if microseconds < 16 {
		return int(max(microseconds, 0))
	}
	octave := bits.Len64(uint64(microseconds)) - 5
	index := (octave+1)*16 + int(microseconds>>octave)&15
	return min(index, Buckets-1)
}

// BucketMiddle is the latency in microseconds that stands for a bucket.
func BucketMiddle(index int) float64 {
	if index < 16 {
		return float64(index) + 0.5
	}
	octave := index/16 - 1
	width := float64(int64(1) << octave)
	return width*float64(16+index%16) + width/2
}

// Total is the number of latencies counted.
func (h Histogram) Total() uint64 {
	var total uint64
	for _, count := range h.Counts {
		total += count
	}
	return total
}

// QuantileMicroseconds is the latency that the share q (0 to 1) of all requests did
// not exceed; 0 when nothing was counted.
func (h Histogram) QuantileMicroseconds(q float64) float64 {
	total := h.Total()
	if total == 0 {
		return 0
	}
	rank := uint64(q * float64(total))
	var seen uint64
	for index, count := range h.Counts {
		seen += count
		if seen > rank || seen == total {
			return BucketMiddle(index)
		}
	}
	return 0
}

// Since returns what was counted after the earlier reading of the same histogram.
func (h Histogram) Since(earlier Histogram) Histogram {
	counts := make([]uint64, len(h.Counts))
	for index, count := range h.Counts {
		if index < len(earlier.Counts) {
			count -= min(earlier.Counts[index], count)
		}
		counts[index] = count
	}
	return Histogram{Counts: counts}
}

// Add returns the sum of two histograms.
func (h Histogram) Add(other Histogram) Histogram {
	counts := make([]uint64, max(len(h.Counts), len(other.Counts)))
	copy(counts, h.Counts)
	for index, count := range other.Counts {
		counts[index] += count
	}
	return Histogram{Counts: counts}
}
