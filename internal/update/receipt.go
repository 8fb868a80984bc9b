package update

import (
	"cmp"
	"maps"
)

// After is the receipt of a run of which an earlier process has left one: it was held
// and went on. What clients met then happened all the same. Of a part that was not
// measured nothing is known, so that it adds nothing.
func (r Receipt) After(earlier Receipt) Receipt {
	r.DurationMillis += earlier.DurationMillis
	r.Requests, r.Failed, r.Held = sum(r.Requests, earlier.Requests), sum(r.Failed, earlier.Failed), sum(r.Held, earlier.Held)
	r.Probes, r.ProbeFailures, r.Paged = sum(r.Probes, earlier.Probes), sum(r.ProbeFailures, earlier.ProbeFailures), sum(r.Paged, earlier.Paged)
	r.PagedMillis = sum(r.PagedMillis, earlier.PagedMillis)
	r.LongestHoldMillis, r.GapMillis = greater(r.LongestHoldMillis, earlier.LongestHoldMillis), greater(r.GapMillis, earlier.GapMillis)
	r.P95DuringMillis, r.PeakExtraBytes = greater(r.P95DuringMillis, earlier.P95DuringMillis), greater(r.PeakExtraBytes, earlier.PeakExtraBytes)
	if earlier.P95BeforeMillis != nil {
		r.P95BeforeMillis = earlier.P95BeforeMillis
	}
	r.FailedByCause = maps.Clone(r.FailedByCause)
	for cause, count := range earlier.FailedByCause {
		if r.FailedByCause == nil {
			r.FailedByCause = map[string]int64{}
		}
		r.FailedByCause[cause] += count
	}
	steps := append([]ReceiptStep{}, r.Steps...)
	for i := range min(len(steps), len(earlier.Steps)) {
		if earlier.Steps[i].Result == StepDone && steps[i].Result != StepDone {
			steps[i] = earlier.Steps[i]
		}
	}
	r.Steps = steps
	return r
}

// StepDone is the result of a step that was done.
const StepDone = "done"

func sum[N int64 | float64](a, b *N) *N {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return new(*a + *b)
}

func greater[N int64 | float64](a, b *N) *N {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return new(max(*a, *b))
}
