package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/journal"
	"gapless/internal/update"
)

// pastRun is one update of the past.
type pastRun struct {
	Run      string    `json:"run"`
	Project  string    `json:"project"`
	Time     time.Time `json:"time"`
	Ended    time.Time `json:"ended,omitzero"` // zero: it has no end yet
	From     int       `json:"from"`
	To       int       `json:"to"`
	Strategy string    `json:"strategy"`
	Result   string    `json:"result"`
	// Why is the reason of the decision against the update, or why it is held. What
	// went wrong on the way back does not take its place: that is Later.
	Why     string          `json:"why,omitempty"`
	Later   []string        `json:"later,omitempty"`
	Because string          `json:"because"`
	Receipt *update.Receipt `json:"receipt,omitempty"`
	// Revision is what the release was made from; nil if none came of the run.
	Revision *update.Revision `json:"revision,omitempty"`

	failedAt string // verb of the step that failed first; empty if none did
	backTo   int    // the release that was asked for again; 0 in an update
}

// pastRun reads one kept journal with what was kept beside it.
func (s *session) pastRun(run string) (pastRun, error) {
	records, err := s.store.RunRecords(run)
	if err != nil {
		return pastRun{}, err
	}
	past := pastOf(run, records)
	if past.Project == "" {
		return past, fmt.Errorf("the journal of run %s does not say what it began", run)
	}
	if receipt, err := s.store.Receipt(run); err == nil {
		past.Receipt = &receipt
	}
	if release, err := s.store.Release(past.To); err == nil && release.Run == run {
		past.Revision = release.Revision
	}
	return past, nil
}

// pastOf sums up the journal of a run.
func pastOf(run string, records []journal.Record) pastRun {
	past := pastRun{Run: run, Result: "unfinished"}
	plan := &update.Plan{}
	last := "" // reason of the last entry that has one
	for _, record := range records {
		switch record.Kind {
		case update.EntryBegin:
			plan = record.Plan
			past.Project, past.Time, past.From, past.To = plan.Project, record.Time, plan.From, plan.To
			past.Strategy, past.Because, past.backTo = plan.Strategy, plan.Because, plan.BackTo
		case update.EntryFail:
			if step := plan.StepAt(update.Place{Step: record.Step}); past.failedAt == "" && step != nil && record.Why != update.ErrInterrupted.Error() {
				past.failedAt = step.Line().Verb
			}
		case update.EntryDecide:
			if past.Why == "" {
				past.Why = record.Why
			}
		case update.EntryHold:
			past.Result, last = string(update.ResultHeld), record.Why
			past.later(record.Why)
		case update.EntryResume:
			past.Result, last = "unfinished", ""
		case update.EntryEnd:
			past.Result, past.Ended, last = string(record.Result), record.Time, record.Why
			past.later(record.Why)
		}
	}
	if past.Why == "" && last != "" {
		past.Why = last
		past.Later = slices.DeleteFunc(past.Later, func(text string) bool { return text == last })
	}
	return past
}

// later notes what else went wrong, once.
func (p *pastRun) later(why string) {
	if p.Why != "" { // the end repeats the reason and adds to it
		why = strings.TrimPrefix(strings.TrimPrefix(why, p.Why), "\n")
	}
	if why != "" && !slices.Contains(p.Later, why) {
		p.Later = append(p.Later, why)
	}
}

// measured is the receipt of the run, or one in which nothing was measured but time.
func (p *pastRun) measured() update.Receipt {
	receipt := update.Receipt{Project: p.Project, From: p.From, To: p.To, Strategy: p.Strategy, Reason: p.Because}
	if p.Receipt != nil {
		receipt = *p.Receipt
	} else if !p.Ended.IsZero() {
		receipt.DurationMillis = p.Ended.Sub(p.Time).Milliseconds()
	}
	receipt.Result = update.Result(p.Result)
	return receipt
}
