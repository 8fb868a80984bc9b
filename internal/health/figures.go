package health

import (
	"cmp"
	"slices"
	"time"

	"gapless/internal/update"
)

// Figures are what a monitor measured.
type Figures struct {
	Probes   int64
	Failures int64
	// Skipped counts requests beside the probes, which got the page of a
	// maintenance that was on from the start. Paged counts all that got a page.
	Skipped, Paged int64
	// Gap is the longest span without a good answer around a failure, from
	// the last good request before it to the first one after it. 0 if all
	// requests were answered.
	Gap     time.Duration
	P95     map[Phase]time.Duration // of good answers; phases without any are absent
	Targets []TargetFigures
}

// TargetFigures are the figures of one address.
type TargetFigures struct {
	Target   Target
	Probes   int64
	Failures int64
	Gap      time.Duration
}

// Figures returns what was measured so far.
func (m *Monitor) Figures() Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := m.end
	if end.IsZero() {
		end = time.Now()
	}
	figures := Figures{Skipped: m.skipped, Paged: m.paged, P95: map[Phase]time.Duration{}}
	latencies := map[Phase][]time.Duration{}
	for i, target := range m.targets {
		of := TargetFigures{Target: target, Probes: int64(len(m.samples[i])), Gap: longestGap(m.samples[i], m.begin, end)}
		for _, s := range m.samples[i] {
			if s.ok {
				latencies[s.phase] = append(latencies[s.phase], s.took)
			} else {
				of.Failures++
			}
		}
		figures.Probes += of.Probes
		figures.Failures += of.Failures
		figures.Gap = max(figures.Gap, of.Gap)
		figures.Targets = append(figures.Targets, of)
	}
	for phase, all := range latencies {
		figures.P95[phase] = percentile95(all)
	}
	return figures
}

// longestGap finds the longest span between two good requests that has a
// failure inside. Before the first and after the last good one it reaches to
// the begin and the end of the measurement.
func longestGap(samples []sample, begin, end time.Time) time.Duration {
	samples = slices.Clone(samples)
	slices.SortStableFunc(samples, func(a, b sample) int { return a.sent.Compare(b.sent) })
	longest, lastGood, failed := time.Duration(0), begin, false
	for _, s := range samples {
		if !s.ok {
			failed = true
			continue
		}
		if failed {
			longest = max(longest, s.sent.Sub(lastGood))
		}
		lastGood, failed = s.sent, false
	}
	if failed {
		longest = max(longest, end.Sub(lastGood))
	}
	return longest
}

// percentile95 is the smallest value that 95 % of the values do not exceed.
func percentile95(values []time.Duration) time.Duration {
	slices.SortFunc(values, cmp.Compare[time.Duration])
	return values[(len(values)*95+99)/100-1]
}

// Fill writes the figures into a receipt. What was not measured stays null.
func (f Figures) Fill(receipt *update.Receipt) {
	if f.Probes == 0 {
		return
	}
	gap := millis(f.Gap)
	receipt.GapMillis, receipt.Probes, receipt.ProbeFailures = &gap, &f.Probes, &f.Failures
	receipt.ProbeURL = f.worst().Target.URL
	for phase, place := range map[Phase]**float64{
		PhaseBefore: &receipt.P95BeforeMillis, PhaseDuring: &receipt.P95DuringMillis, PhaseAfter: &receipt.P95AfterMillis,
	} {
		if value, measured := f.P95[phase]; measured {
			*place = new(millis(value))
		}
	}
}

// Reached counts the probes that got to the edge.
func (f Figures) Reached() int64 {
	reached := f.Probes
	for _, of := range f.Targets {
		if of.Target.Front {
			reached -= of.Failures
		}
	}
	return reached
}

// worst is the address with the longest gap, the first one if none has any.
func (f Figures) worst() TargetFigures {
	return slices.MaxFunc(f.Targets, func(a, b TargetFigures) int { return cmp.Compare(a.Gap, b.Gap) })
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
