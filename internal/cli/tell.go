package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gapless/internal/notify"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// toldRun is what a webhook gets.
type toldRun struct {
	Type string    `json:"type"` // "update"
	ID   string    `json:"id"`   // the same if it is sent again
	Run  string    `json:"run"`
	Time time.Time `json:"time"` // of the result
	update.Receipt
	Why   string   `json:"why,omitempty"`
	Later []string `json:"later,omitempty"`
	Next  []string `json:"next"`
	// Steps stay with the receipt: gapless history --json has them.
	Steps *struct{} `json:"steps,omitempty"`
}

// oweTelling notes that a run is to be told, before it begins: whoever ends it, or
// comes after its end, tells.
func (s *session) oweTelling(run string) {
	if len(s.listeners()) == 0 {
		return
	}
	if err := s.lock.SaveTold(update.Told{Run: run}); err != nil {
		fmt.Fprintln(s.app.err, "warning: how this update ends may not be told: "+err.Error())
	}
}

// settleEnded does what is left to do after runs that have ended, whoever ended them.
func (s *session) settleEnded(ctx context.Context) {
	s.settleTold(ctx)
	s.countRuns()
}

// settleTold tells how a run ended whose process died between its end and its
// message. A run without an end is told by who ends it.
func (s *session) settleTold(ctx context.Context) {
	told, err := s.store.Told()
	if err != nil || told.Run == "" {
		return
	}
	past, err := s.pastRun(told.Run)
	if err != nil || past.Ended.IsZero() || told.Result == update.Result(past.Result) {
		return
	}
	for _, warning := range s.tell(ctx, past) {
		fmt.Fprintln(s.app.err, "warning: nobody was told through "+escaped(warning))
	}
}

// tellEnd tells how a run has just ended, by what was written down about it, and
// returns who could not be told.
func (s *session) tellEnd(ctx context.Context, run string, outcome update.Outcome) []string {
	past, err := s.pastRun(run)
	if err != nil {
		return []string{"any channel: " + err.Error()}
	}
	if outcome.Result == update.ResultHeld && past.Result != string(outcome.Result) {
		past.Result = string(outcome.Result) // nobody tries again, so nothing more is written down
		past.Why, past.Later = cmp.Or(past.Why, outcome.Stuck.Error()), append(past.Later, outcome.Stuck.Error())
	}
	return s.tell(ctx, past)
}

// tell sends one message to each channel that wants it and was not told the same
// before. What was sent is written down at once: only a crash in between tells it
// twice. The channels take Limit at most, all together.
func (s *session) tell(ctx context.Context, past pastRun) (failures []string) {
	listeners := s.listeners()
	if len(listeners) == 0 {
		return nil
	}
	message, err := s.message(past, s.redactor(listeners...))
	if err != nil {
		return []string{"any channel: " + err.Error()}
	}
	result, told := update.Result(past.Result), s.toldOf(past.Run)
	var mu sync.Mutex
	var acts []func()
	for _, one := range listeners {
		before := told.Channels[one.name]
		if !one.wants(result) || before.Result == result {
			continue
		}
		acts = append(acts, func() {
			sent, err := one.send(ctx, message, before.Sent)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				told.Channels[one.name] = update.ToldChannel{Result: result, Sent: sent}
				err = s.lock.SaveTold(told)
			}
			if err != nil {
				failures = append(failures, one.name+": "+err.Error())
			}
		})
	}
	update.Together(acts...)
	told.Result = result
	if err := s.lock.SaveTold(told); err != nil {
		failures = append(failures, "any channel again without need: "+err.Error())
	}
	slices.Sort(failures)
	return failures
}

// toldOf is what was told of a run so far.
func (s *session) toldOf(run string) update.Told {
	told, err := s.store.Told()
	if err != nil || told.Run != run {
		told = update.Told{Run: run}
	}
	if told.Channels == nil {
		told.Channels = map[string]update.ToldChannel{}
	}
	return told
}

// send tells one listener.
func (l listener) send(ctx context.Context, message notify.Message, earlier string) (string, error) {
	if l.err != nil {
		return "", l.err
	}
	message.Earlier = earlier
	return l.channel.Send(ctx, message)
}

// message is what is told of a run, without secrets.
func (s *session) message(past pastRun, redactor *ui.Redactor) (notify.Message, error) {
	result := update.Result(past.Result)
	receipt := past.measured()
	ended := ui.Ended{Receipt: receipt, Why: past.Why, Later: past.Later, Next: nextAfter(result)}
	message := notify.Message{Thread: past.Run, ID: past.Run + "." + past.Result, Urgent: result != update.ResultCommitted}
	message.Title, message.Text = ui.Notice(ended, redactor)
	told := toldRun{Type: "update", ID: message.ID, Run: past.Run, Time: past.told(), Receipt: receipt, Why: past.Why, Later: past.Later, Next: ended.Next}
	payload, err := ui.RedactedJSON(told, redactor)
	message.Payload = json.RawMessage(payload)
	return message, err
}

// told is the time of the result: of the end, or of now for what has none.
func (p *pastRun) told() time.Time {
	if p.Ended.IsZero() {
		return time.Now().UTC()
	}
	return p.Ended
}

// nextAfter are the commands that a reader of a message begins with.
func nextAfter(result update.Result) []string {
	switch result {
	case update.ResultCommitted:
		return []string{"gapless status"}
	case update.ResultHeld:
		return []string{"gapless status", "gapless resume   once the cause is removed"}
	}
	return []string{"gapless history", "gapless update   once the cause is removed"}
}

// tellCutOff tells that a run stands still because its journal takes nothing more.
func (r *runner) tellCutOff(ctx context.Context, cause error) {
	plan := r.run.Plan
	past := pastRun{Run: r.run.Env.Run, Project: plan.Project, Time: r.meter.began, Ended: time.Now(), From: plan.From, To: plan.To,
		Strategy: plan.Strategy, Because: plan.Because, Result: string(update.ResultHeld), Why: "the update cannot go on: " + cause.Error()}
	for _, failure := range r.session.tell(ctx, past) {
		fmt.Fprintln(r.session.app.err, "warning: nobody was told through "+escaped(strings.TrimSpace(failure)))
	}
}
