package update

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Restores puts a backup in the place of the databases of today, in steps that
// can be taken back.
type Restores interface {
	// Fill makes new databases beside those of today out of a backup, and compares
	// them with what was dumped. What an earlier attempt has left goes away first.
	Fill(ctx context.Context, backup string, databases []Exchanged, say func(string)) error
	// Written says in words that can be compared how much was written to the
	// filled databases so far.
	Written(ctx context.Context, databases []Exchanged) ([]string, error)
	// Exchange gives the filled databases their names, all in one transaction, and
	// those of today the names that they are kept under. Done already is no error.
	Exchange(ctx context.Context, backup string, databases []Exchanged) error
	// ExchangeBack is the way back. Not exchanged is no error.
	ExchangeBack(ctx context.Context, databases []Exchanged) error
	// Drop removes the filled databases. If they were written to since, which
	// Written said before, they are kept under other names, which it returns.
	Drop(ctx context.Context, databases []Exchanged, before []string) (kept []string, err error)
}

// Exchanged is a database that a restored one takes the place of.
type Exchanged struct {
	Name  string `json:"name"`
	Fresh string `json:"fresh"`          // the restored one, before it has the name
	Kept  string `json:"kept,omitempty"` // the one of today, afterwards; empty: there is none
}

// FillStep restores a backup into databases of its own.
type FillStep struct {
	Service   string      `json:"service"`
	Backup    string      `json:"backup"`
	Databases []Exchanged `json:"databases"`
	Detail    string      `json:"detail,omitempty"`
	// Takes is a forecast; 0: there is none.
	Takes time.Duration `json:"takesNs,omitempty"`
}

// Do implements Step.
func (s *FillStep) Do(ctx context.Context, env *Env) error {
	if err := env.Restores.Fill(ctx, s.Backup, s.Databases, teller(env, s.Line())); err != nil {
		return &RestoreError{err}
	}
	written, err := env.Restores.Written(ctx, s.Databases)
	if err != nil {
		return &RestoreError{err}
	}
	return env.note(noteFilled, written)
}

// Undo removes what was filled, unless somebody works in it by now.
func (s *FillStep) Undo(ctx context.Context, env *Env) error {
	before, _ := env.noted(noteFilled)
	kept, err := env.Restores.Drop(ctx, s.Databases, before)
	if len(kept) > 0 {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
			Text: "something was written to the restored database before it was taken back: it stays as " + strings.Join(kept, ", ")})
	}
	return err
}

// Line implements Step.
func (s *FillStep) Line() Line {
	return Line{Verb: "fill", Object: s.Service, Detail: s.Detail}
}

// It fills what nobody uses, and what it has made goes away.
func (*FillStep) onlyWaits() bool      { return true }
func (*FillStep) touchesNothing() bool { return true }

// noteFilled is where the journal has how much was written to the filled
// databases before anybody but their filler could.
const noteFilled = "filled"

// ExchangeStep gives the restored databases the names of those of today.
type ExchangeStep struct {
	Service   string      `json:"service"`
	Backup    string      `json:"backup"`
	Databases []Exchanged `json:"databases"`
}

// Do implements Step.
func (s *ExchangeStep) Do(ctx context.Context, env *Env) error {
	if err := env.Restores.Exchange(ctx, s.Backup, s.Databases); err != nil {
		return &RestoreError{err}
	}
	return nil
}

// Undo gives the databases of today their names back.
func (s *ExchangeStep) Undo(ctx context.Context, env *Env) error {
	return env.Restores.ExchangeBack(ctx, s.Databases)
}

// Line implements Step.
func (s *ExchangeStep) Line() Line {
	var names []string
	for _, d := range s.Databases {
		if d.Kept != "" {
			names = append(names, d.Name+" of today stays as "+d.Kept)
		} else {
			names = append(names, d.Name+" comes back")
		}
	}
	return Line{Verb: "exchange", Object: s.Service, Detail: "in one transaction: " + strings.Join(names, ", ")}
}

// Restored names the backup that a plan puts in the place of the database; empty:
// it leaves the data alone.
func (p *Plan) Restored() string {
	if step := p.exchange(); step != nil {
		return step.Backup
	}
	return ""
}

// RestoredService is the database that a plan puts a backup in the place of.
func (p *Plan) RestoredService() string {
	if step := p.exchange(); step != nil {
		return step.Service
	}
	return ""
}

// Kept lists the databases that a plan puts aside.
func (p *Plan) Kept() (kept []Exchanged) {
	if step := p.exchange(); step != nil {
		for _, d := range step.Databases {
			if d.Kept != "" {
				kept = append(kept, d)
			}
		}
	}
	return kept
}

func (p *Plan) exchange() *ExchangeStep {
	for _, step := range p.Steps() {
		if exchange, is := step.(*ExchangeStep); is {
			return exchange
		}
	}
	return nil
}

// RestoreError says that the data of before did not come back.
type RestoreError struct{ Err error }

func (e *RestoreError) Error() string { return fmt.Sprintf("the data was not restored: %v", e.Err) }

// Unwrap gives the cause.
func (e *RestoreError) Unwrap() error { return e.Err }
