package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The verdicts of a watch.
const (
	VerdictGood      = "good"
	VerdictWorse     = "worse"
	VerdictNotJudged = "not judged" // too little was seen: that is neither
	VerdictHeld      = "held"       // what both versions need does not work
)

// WatchVerdict is what a watch found out.
type WatchVerdict struct {
	Verdict       string   `json:"verdict"`
	Reason        string   `json:"reason,omitempty"`
	WatchedMillis int64    `json:"watched_ms"`
	Findings      []string `json:"findings"`
}

// verdictNote is the name under which the journal keeps it.
const verdictNote = "watch-verdict"

// failed keeps why the new version is not taken.
func (w *watching) failed(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	verdict := WatchVerdict{Verdict: VerdictWorse, Reason: failure.Error()}
	var worse *WorseError
	var shared *SharedFaultError
	switch {
	case errors.As(failure, &worse):
		verdict.Reason = worse.Reason
	case errors.As(failure, &shared):
		verdict.Verdict, verdict.Reason = VerdictHeld, shared.Reason
	}
	return errors.Join(failure, w.conclude(verdict))
}

// passed keeps what was seen of a version that is taken.
func (w *watching) passed() error {
	verdict := WatchVerdict{Verdict: VerdictGood}
	for _, judge := range w.judges {
		if !judge.judged() {
			verdict.Verdict = VerdictNotJudged
		}
	}
	for _, b := range w.bodies {
		if b.isForeign {
			verdict.Verdict = VerdictNotJudged
		}
	}
	if w.foundWorse() {
		verdict.Verdict = VerdictWorse
	}
	return w.conclude(verdict)
}

func (w *watching) foundWorse() bool {
	for _, judge := range w.judges {
		if judge.silent {
			return true
		}
	}
	for _, b := range w.bodies {
		if b.silent {
			return true
		}
	}
	return false
}

func (w *watching) conclude(verdict WatchVerdict) error {
	verdict.WatchedMillis, verdict.Findings = w.watched.Milliseconds(), w.findings()
	text, err := json.Marshal(verdict)
	if err != nil {
		return err
	}
	if verdict.Reason == "" {
		w.tell(fmt.Sprintf("watched for %s: %s", DurationText(w.watched.Round(time.Second)), verdict.Verdict))
	}
	return w.env.note(verdictNote, []string{string(text)})
}

// findings are the sentences of the verdict, service by service.
func (w *watching) findings() []string {
	lines := append([]string{}, w.said...)
	for _, subject := range w.step.Subjects {
		if judge := w.judges[subject.Service]; judge != nil {
			lines = append(lines, judge.words()...)
		}
	}
	for _, b := range w.bodies {
		if count := b.now.RestartCount - b.restarts; b.based && count > 0 {
			lines = append(lines, fmt.Sprintf("%s: restarted %s", b.Name, counted(count, "time")))
		}
	}
	return lines
}

// verdict is what a watch of the run found out; nil if it did not come to an end.
func (env *Env) verdict() *WatchVerdict {
	values, found := env.noted(verdictNote)
	if !found || len(values) != 1 {
		return nil
	}
	var verdict WatchVerdict
	if json.Unmarshal([]byte(values[0]), &verdict) != nil {
		return nil
	}
	return &verdict
}
