package ui

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"gapless/internal/update"
)

// jsonSchema is the version of the lines; its first number changes when a
// reader must.
const jsonSchema = "1.3"

// trafficEvery is the pace of traffic lines.
const trafficEvery = time.Second

// jsonPainter writes one JSON object per line.
type jsonPainter struct {
	words
	out     io.Writer
	plan    *update.Plan
	traffic func() *TrafficFigures
	counted time.Time
}

func newJSON(words words, out io.Writer, options Options) *jsonPainter {
	return &jsonPainter{words: words, out: out, plan: options.Plan, traffic: options.Traffic}
}

// redact takes secrets out; JSON has escapes of its own.
func (j *jsonPainter) redact(text string) string { return j.redactor.Redact(text) }

func (j *jsonPainter) write(value any) {
	content, err := json.Marshal(value)
	if err != nil {
		content, _ = json.Marshal(map[string]string{"type": "notice", "text": "an event could not be encoded: " + err.Error()})
	}
	_, _ = j.out.Write(append(cleanJSON(content), '\n'))
}

type jsonVersion struct {
	Type   string `json:"type"`
	Schema string `json:"schema"`
}

type jsonPlan struct {
	Type     string        `json:"type"`
	Project  string        `json:"project"`
	From     int           `json:"from"`
	To       int           `json:"to"`
	Strategy string        `json:"strategy"`
	Reason   string        `json:"reason"`
	Steps    []jsonLine    `json:"steps"`
	Notes    []update.Note `json:"notes"`
}

type jsonLine struct {
	Step   int    `json:"step"`
	Part   int    `json:"part,omitempty"` // of a step whose parts happen at the same time
	Phase  string `json:"phase,omitempty"`
	Verb   string `json:"verb"`
	Object string `json:"object"`
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason,omitempty"`
}

type jsonStep struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Run  string    `json:"run"`
	jsonLine
	State          string `json:"state"`
	DurationMillis *int64 `json:"duration_ms,omitempty"`
	Error          string `json:"error,omitempty"`
}

type jsonProbe struct {
	Type           string    `json:"type"`
	Time           time.Time `json:"time"`
	Run            string    `json:"run"`
	Object         string    `json:"object"`
	OK             bool      `json:"ok"`
	Answer         string    `json:"answer"`
	InARow         int       `json:"in_a_row"`
	DurationMillis int64     `json:"duration_ms"`
}

type jsonProgress struct {
	Type   string    `json:"type"`
	Time   time.Time `json:"time"`
	Run    string    `json:"run"`
	Verb   string    `json:"verb"`
	Object string    `json:"object"`
	Text   string    `json:"text"`
}

type jsonNotice struct {
	Type   string        `json:"type"`
	Time   time.Time     `json:"time"`
	Run    string        `json:"run"`
	Event  string        `json:"event"`
	Text   string        `json:"text,omitempty"`
	Result update.Result `json:"result,omitempty"`
}

type jsonTraffic struct {
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	TrafficFigures
}

type jsonSummary struct {
	Type string `json:"type"`
	update.Receipt
	Run     string       `json:"run"`
	Failure *jsonFailure `json:"failure,omitempty"`
}

type jsonFailure struct {
	Step      int      `json:"step,omitempty"`
	Verb      string   `json:"verb,omitempty"`
	Object    string   `json:"object,omitempty"`
	Error     string   `json:"error"`
	Container string   `json:"container,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Last      string   `json:"last,omitempty"`
	Logs      []string `json:"logs,omitempty"`
	Undone    []string `json:"undone"`
	Serves    string   `json:"serves"`
	Next      []string `json:"next"`
}

func (j *jsonPainter) start(now time.Time) {
	j.counted = now
	j.write(jsonVersion{"version", jsonSchema})
	if j.plan == nil {
		return
	}
	plan := jsonPlan{Type: "plan", Project: j.plan.Project, From: j.plan.From, To: j.plan.To, Strategy: j.plan.Strategy,
		Reason: j.redact(j.plan.Because), Steps: []jsonLine{}, Notes: []update.Note{}}
	for _, row := range j.plan.Rows() {
		line := j.jsonLine(row.Place, row.Line)
		line.Phase = row.Phase
		plan.Steps = append(plan.Steps, line)
	}
	for _, note := range j.plan.Notes {
		note.Text = j.redact(note.Text)
		plan.Notes = append(plan.Notes, note)
	}
	j.write(plan)
}

func (j *jsonPainter) jsonLine(at update.Place, line update.Line) jsonLine {
	return jsonLine{Step: at.Step, Part: at.Part, Verb: line.Verb, Object: j.redact(line.Object), Detail: j.redact(line.Detail), Reason: j.redact(line.Reason)}
}

// stepStates names the states of a step.
var stepStates = map[update.EventKind]string{
	update.EventStepStarted: "started", update.EventStepDone: "done", update.EventStepFailed: "failed",
	update.EventUndoStarted: "undoing", update.EventUndoDone: "undone", update.EventUndoFailed: "undo-failed",
}

func (j *jsonPainter) event(event update.Event) {
	state, isStep := stepStates[event.Kind]
	switch {
	case event.Kind == update.EventProbe:
		j.write(jsonProbe{Type: "probe", Time: event.Time, Run: event.Run, Object: j.redact(event.Line.Object), OK: event.Probe.OK,
			Answer: j.redact(event.Probe.Answer), InARow: event.Probe.InARow, DurationMillis: event.Probe.Duration.Milliseconds()})
	case event.Kind == update.EventProgress:
		j.write(jsonProgress{Type: "progress", Time: event.Time, Run: event.Run, Verb: event.Line.Verb, Object: j.redact(event.Line.Object), Text: j.redact(event.Text)})
	case isStep:
		step := jsonStep{Type: "step", Time: event.Time, Run: event.Run, jsonLine: j.jsonLine(event.Place(), event.Line), State: state}
		if event.Kind != update.EventStepStarted && event.Kind != update.EventUndoStarted {
			step.DurationMillis = new(event.Duration.Milliseconds())
		}
		if event.Err != nil {
			step.Error = j.redact(event.Err.Error())
		}
		j.write(step)
	default:
		j.write(jsonNotice{Type: "notice", Time: event.Time, Run: event.Run, Event: string(event.Kind), Text: j.redact(event.Text), Result: event.Result})
	}
}

func (j *jsonPainter) tick(now time.Time) {
	if j.traffic == nil || now.Sub(j.counted) < trafficEvery {
		return
	}
	j.counted = now
	if figures := j.traffic(); figures != nil {
		j.write(jsonTraffic{Type: "traffic", Time: now, TrafficFigures: *figures})
	}
}

func (j *jsonPainter) finish(outcome Outcome) {
	receipt := outcome.Receipt
	receipt.Reason, receipt.ProbeURL = j.redact(receipt.Reason), j.redact(receipt.ProbeURL)
	receipt.NotTold = redactAll(receipt.NotTold, j.redact)
	receipt.Watch = j.verdict(receipt.Watch)
	if receipt.Steps == nil {
		receipt.Steps = []update.ReceiptStep{}
	}
	j.write(jsonSummary{Type: "summary", Receipt: receipt, Run: outcome.Run, Failure: j.jsonFailure(outcome.Failure)})
}

func (j *jsonPainter) jsonFailure(f *Failure) *jsonFailure {
	if f == nil {
		return nil
	}
	out := &jsonFailure{Step: f.Step, Verb: f.Line.Verb, Object: j.redact(f.Line.Object), Undone: []string{}, Next: []string{}, Serves: j.redact(f.Serves)}
	if f.Err != nil {
		out.Error = j.redact(f.Err.Error())
	}
	var gate *update.GateError
	if errors.As(f.Err, &gate) {
		out.Container, out.Reason, out.Last = gate.Container, j.redact(gate.Reason), j.redact(gate.Last)
		for _, line := range gate.Logs[max(0, len(gate.Logs)-maxLogLines):] {
			out.Logs = append(out.Logs, j.redact(line))
		}
	}
	for _, line := range f.Undone {
		out.Undone = append(out.Undone, j.redact(line.Verb+" "+line.Object))
	}
	for _, command := range f.Next {
		out.Next = append(out.Next, j.redact(command))
	}
	return out
}

// verdict is what a watch found out, without secrets: it quotes answers.
func (j *jsonPainter) verdict(verdict *update.WatchVerdict) *update.WatchVerdict {
	if verdict == nil {
		return nil
	}
	shown := *verdict
	shown.Reason, shown.Findings = j.redact(verdict.Reason), []string{}
	for _, finding := range verdict.Findings {
		shown.Findings = append(shown.Findings, j.redact(finding))
	}
	return &shown
}
