package update

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// PlanFormat is the version of the plan that this program writes and reads.
const PlanFormat = 1

// The phases of a plan, in order. Everything before PhaseCommit can be undone.
const (
	PhasePrepare = "prepare"
	PhaseBackup  = "backup"
	PhaseShift   = "shift"
	PhaseWatch   = "watch"
	PhaseCommit  = "commit"
)

// Plan is everything that an update will do, decided beforehand.
type Plan struct {
	Format      int        `json:"format"`
	Project     string     `json:"project"`
	From        int        `json:"from"` // release; 0 if there is none yet
	To          int        `json:"to"`
	BackTo      int        `json:"backTo,omitempty"` // the release that To brings back
	Strategy    string     `json:"strategy"`
	Because     string     `json:"because"`
	Choice      string     `json:"choice,omitempty"`     // why this strategy
	Migrations  []Migrated `json:"migrations,omitempty"` // that it runs
	Waiting     []Waiting  `json:"waiting,omitempty"`    // migrations that wait after it
	Notes       []Note     `json:"notes,omitempty"`      // what the user should know before it starts
	Phases      []Phase    `json:"phases"`
	Fingerprint string     `json:"fingerprint"` // of the state that it was made from
	// Unread is what a plan that was read says and this version does not know.
	// Such a plan may be looked at, and not be carried out.
	Unread string `json:"-"`
}

// Phase is a named part of a plan.
type Phase struct {
	Name  string
	Steps []Step
}

// Note is a sentence about a cost or a limit of the plan.
type Note struct {
	Service string `json:"service,omitempty"`
	Text    string `json:"text"`
	Gap     bool   `json:"gap,omitempty"` // requests can fail because of it
}

// Empty tells whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Steps()) == 0 }

// Steps lists all steps in order.
func (p *Plan) Steps() []Step {
	var steps []Step
	for _, phase := range p.Phases {
		steps = append(steps, phase.Steps...)
	}
	return steps
}

// commitIndex is the number of steps that come before the commit point.
func (p *Plan) commitIndex() int {
	count := 0
	for _, phase := range p.Phases {
		if phase.Name == PhaseCommit {
			break
		}
		count += len(phase.Steps)
	}
	return count
}

// HasGap tells whether requests can fail although everything goes well.
func (p *Plan) HasGap() bool {
	return slices.ContainsFunc(p.Notes, func(n Note) bool { return n.Gap })
}

// Text prints the plan, the same every time.
func (p *Plan) Text() string {
	var b strings.Builder
	from := fmt.Sprint(p.From)
	if p.From == 0 {
		from = "none"
	}
	if p.Strategy == StrategyBackup {
		fmt.Fprintf(&b, "%s  backup\n", p.Project)
	} else {
		fmt.Fprintf(&b, "%s  release %s -> %d  %s  because: %s\n", p.Project, from, p.To, p.Strategy, p.Because)
	}
	if p.Choice != "" {
		fmt.Fprintf(&b, "strategy: %s\n", p.Choice)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	phase := ""
	for _, row := range p.Rows() {
		detail := row.Line.Detail
		if row.Line.Reason != "" {
			detail = strings.TrimPrefix(detail+" ("+row.Line.Reason+")", " ")
		}
		name := row.Phase
		if name == phase {
			name = ""
		}
		phase = row.Phase
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, row.Number(), row.Line.Verb, row.Line.Object, detail)
	}
	w.Flush()
	for _, note := range p.Notes {
		mark := "note"
		if note.Gap {
			mark = "gap"
		}
		fmt.Fprintf(&b, "%s: %s\n", mark, strings.TrimPrefix(note.Service+": "+note.Text, ": "))
	}
	return trimLines(b.String())
}

// trimLines removes the padding that aligned columns leave at line ends.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

type phaseJSON struct {
	Name  string     `json:"name"`
	Steps []planStep `json:"steps"`
}

// MarshalJSON writes each step with its kind.
func (p Phase) MarshalJSON() ([]byte, error) {
	out := phaseJSON{Name: p.Name, Steps: []planStep{}}
	for _, step := range p.Steps {
		out.Steps = append(out.Steps, planStep{step})
	}
	return json.Marshal(out)
}

// UnmarshalJSON refuses kinds of steps that this version does not know.
func (p *Phase) UnmarshalJSON(data []byte) error {
	var in phaseJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	p.Name, p.Steps = in.Name, nil
	for _, step := range in.Steps {
		p.Steps = append(p.Steps, step.Step)
	}
	return nil
}
