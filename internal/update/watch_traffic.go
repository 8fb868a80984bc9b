package update

import (
	"slices"
	"time"
)

// Traffic is what the edge counted of one generation of a service since it started.
type Traffic struct {
	Service    string    `json:"service"`
	Generation string    `json:"generation"`
	Requests   uint64    `json:"requests"`
	Failed     uint64    `json:"failed,omitempty"` // answered with 5xx, or not honestly at all
	Held       uint64    `json:"held,omitempty"`   // had to wait: that is in their latency
	Latency    Latencies `json:"latency,omitempty"`
}

// OwnGeneration lists what a process asked itself, of whatever generation: requests
// that are not those of users.
const OwnGeneration = "own"

// Latencies counts requests by how long they took, in ascending order.
type Latencies []LatencyCount

// LatencyCount is how many took about so long.
type LatencyCount struct {
	Micros int64  `json:"us"`
	Count  uint64 `json:"n"`
}

// since is what was counted after an earlier reading. Counters that are smaller
// now began anew, with another edge.
func (t Traffic) since(earlier Traffic) Traffic {
	if t.Requests < earlier.Requests || t.Failed < earlier.Failed {
		return t
	}
	t.Requests -= earlier.Requests
	t.Failed -= earlier.Failed
	t.Held -= min(earlier.Held, t.Held)
	was := map[int64]uint64{}
	for _, c := range earlier.Latency {
		was[c.Micros] = c.Count
	}
	var rest Latencies
	for _, c := range t.Latency {
		if c.Count > was[c.Micros] {
			rest = append(rest, LatencyCount{c.Micros, c.Count - was[c.Micros]})
		}
	}
	t.Latency = rest
	return t
}

// mostlyUsers tells whether the latencies are, nearly all, those of users.
func (t Traffic) mostlyUsers() bool { return 5*t.Requests >= 4*t.Latency.total() }

func (t Traffic) and(other Traffic) Traffic {
	t.Requests += other.Requests
	t.Failed += other.Failed
	t.Held += other.Held
	t.Latency = t.Latency.and(other.Latency)
	return t
}

func (l Latencies) and(other Latencies) Latencies {
	sum := map[int64]uint64{}
	for _, c := range slices.Concat(l, other) {
		sum[c.Micros] += c.Count
	}
	var all Latencies
	for micros, count := range sum {
		all = append(all, LatencyCount{micros, count})
	}
	slices.SortFunc(all, func(a, b LatencyCount) int { return int(a.Micros - b.Micros) })
	return all
}

func (l Latencies) total() (count uint64) {
	for _, c := range l {
		count += c.Count
	}
	return count
}

// slowerThan counts those that took longer.
func (l Latencies) slowerThan(limit time.Duration) (count uint64) {
	for _, c := range l {
		if c.Micros > limit.Microseconds() {
			count += c.Count
		}
	}
	return count
}

// quantile is what the share of all did not exceed; 0 if there are none.
func (l Latencies) quantile(share float64) time.Duration {
	rank, seen := uint64(share*float64(l.total())), uint64(0)
	for _, c := range l {
		if seen += c.Count; seen > rank {
			return time.Duration(c.Micros) * time.Microsecond
		}
	}
	return 0
}

// reading is what was counted of all generations at one moment.
type reading []Traffic

// of sums up what was counted of a service after an earlier reading, of the
// generations that belong, without what was asked by ourselves.
func (r reading) of(serviceName string, earlier reading, belongs func(generation string) bool) Traffic {
	sum := Traffic{Service: serviceName}
	for _, t := range r {
		if t.Service == serviceName && t.Generation != OwnGeneration && belongs(t.Generation) {
			sum = sum.and(t.since(earlier.find(t.Service, t.Generation)))
		}
	}
	own := r.find(serviceName, OwnGeneration).since(earlier.find(serviceName, OwnGeneration))
	sum.Requests -= min(own.Requests, sum.Requests)
	sum.Failed -= min(own.Failed, sum.Failed)
	sum.Failed = min(sum.Failed, sum.Requests)
	return sum
}

// without leaves the latencies out but those of some generations: the others are
// only counted on from.
func (r reading) without(generations []string) reading {
	var kept reading
	for _, t := range r {
		if !slices.Contains(generations, t.Generation) {
			t.Latency = nil
		}
		kept = append(kept, t)
	}
	return kept
}

func (r reading) find(serviceName, generation string) Traffic {
	for _, t := range r {
		if t.Service == serviceName && t.Generation == generation {
			return t
		}
	}
	return Traffic{}
}
