package cli

import (
	"fmt"
	"maps"

	"gapless/internal/update"
)

// reasonAsked and reasonInterrupted are the reasons of rollbacks that no step has
// caused; else it is the verb of the step that failed.
const (
	reasonAsked       = "asked"
	reasonInterrupted = "interrupted"
)

// countRuns adds the runs that have ended to the totals, before their journals are
// removed one day.
func (s *session) countRuns() {
	before, err := s.store.Tally()
	after := before
	if err == nil {
		after, err = s.tally()
	}
	if err == nil && after.Through != before.Through {
		err = s.lock.SaveTally(after)
	}
	if err != nil {
		fmt.Fprintln(s.app.err, "warning: metrics may miss updates: "+err.Error())
	}
}

// tally is the totals, up to the newest run that has ended.
func (s *session) tally() (update.Tally, error) {
	total, err := s.store.Tally()
	if err != nil {
		return total, err
	}
	runs, err := s.runs()
	if err != nil {
		return total, err
	}
	for _, name := range runs {
		if name <= total.Through { // names of runs start with their time
			continue
		}
		if run, err := s.pastRun(name); err == nil && !run.Ended.IsZero() {
			total = counted(total, run)
		}
	}
	return total, nil
}

// counted is the totals with one more run.
func counted(total update.Tally, run pastRun) update.Tally {
	total.Through = run.Run
	total.Updates, total.Steps, total.Rollbacks = cloned(total.Updates), cloned(total.Steps), cloned(total.Rollbacks)
	add := func(counts map[string]update.Count, name string, millis int64) {
		count := counts[name]
		count.Times++
		count.Seconds += float64(millis) / 1000
		counts[name] = count
	}
	receipt := run.measured()
	add(total.Updates, run.Strategy+" "+run.Result, receipt.DurationMillis)
	for _, step := range receipt.Steps {
		if step.Result == update.StepDone {
			add(total.Steps, step.Verb, step.DurationMillis)
		}
	}
	if reason := run.rollbackReason(); reason != "" {
		total.Rollbacks[reason]++
	}
	return total
}

func cloned[V any](counts map[string]V) map[string]V {
	if counts == nil {
		return map[string]V{}
	}
	return maps.Clone(counts)
}

// rollbackReason is why an older release came back; empty if none did.
func (p *pastRun) rollbackReason() string {
	switch {
	case p.Result == string(update.ResultCommitted) && p.backTo > 0:
		return reasonAsked
	case p.Result != string(update.ResultRolledBack):
		return ""
	case p.failedAt == "":
		return reasonInterrupted
	}
	return p.failedAt
}
