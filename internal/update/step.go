package update

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// Step is one undoable action of a plan. Do and Undo look at the world first
// and can be repeated; Undo is safe after a Do that stopped half-way.
type Step interface {
	Do(ctx context.Context, env *Env) error
	Undo(ctx context.Context, env *Env) error
	Line() Line
}

// Line is how a step reads: a verb, its object, a detail and a reason,
// without colour and width.
type Line struct {
	Verb   string `json:"verb"`
	Object string `json:"object"`
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// stepKinds holds one empty step of every kind, so that a journal can be read
// back.
var stepKinds = map[string]func() Step{
	"build":    func() Step { return &BuildStep{} },
	"pull":     func() Step { return &PullStep{} },
	"tag":      func() Step { return &TagStep{} },
	"edge":     func() Step { return &EdgeStep{} },
	"job":      func() Step { return &JobStep{} },
	"task":     func() Step { return &TaskStep{} },
	"dump":     func() Step { return &DumpStep{} },
	"verify":   func() Step { return &VerifyStep{} },
	"fill":     func() Step { return &FillStep{} },
	"exchange": func() Step { return &ExchangeStep{} },
	"start":    func() Step { return &StartStep{} },
	"gate":     func() Step { return &GateStep{} },
	"keep":     func() Step { return &KeepStep{} },
	"refresh":  func() Step { return &RefreshStep{} },
	"baseline": func() Step { return &BaselineStep{} },
	"watch":    func() Step { return &WatchStep{} },
	"switch":   func() Step { return &SwitchStep{} },
	"drain":    func() Step { return &DrainStep{} },
	"hold":     func() Step { return &HoldStep{} },
	"release":  func() Step { return &ReleaseStep{} },
	"stop":     func() Step { return &StopStep{} },
	"quiesce":  func() Step { return &QuiesceStep{} },
	"restart":  func() Step { return &RestartStep{} },
	"reload":   func() Step { return &ReloadStep{} },
	"reread":   func() Step { return &RereadStep{} },
	"leave":    func() Step { return &LeaveStep{} },
	"confirm":  func() Step { return &ConfirmStep{} },
	"rename":   func() Step { return &RenameStep{} },
	"remove":   func() Step { return &RemoveStep{} },
	"record":   func() Step { return &RecordStep{} },
	"parallel": func() Step { return &ParallelStep{} },
}

// kindOf returns the name under which a step is journalled.
func kindOf(step Step) string {
	for kind, empty := range stepKinds {
		if reflect.TypeOf(empty()) == reflect.TypeOf(step) {
			return kind
		}
	}
	panic(fmt.Sprintf("update: step %T is not in the table of kinds", step))
}

// planStep carries a step through JSON together with its kind.
type planStep struct{ Step }

func (p planStep) MarshalJSON() ([]byte, error) {
	body, err := json.Marshal(p.Step)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Kind string          `json:"kind"`
		Step json.RawMessage `json:"step"`
	}{kindOf(p.Step), body})
}

func (p *planStep) UnmarshalJSON(data []byte) error {
	var envelope struct {
		Kind string          `json:"kind"`
		Step json.RawMessage `json:"step"`
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return err
	}
	empty, known := stepKinds[envelope.Kind]
	if !known {
		return fmt.Errorf("step kind %q is unknown to this version of gapless", envelope.Kind)
	}
	p.Step = empty()
	if err := json.Unmarshal(envelope.Step, p.Step); err != nil {
		return err
	}
	if group, ok := p.Step.(*ParallelStep); ok {
		return group.check()
	}
	return nil
}
