package update

import (
	"fmt"
	"slices"
	"strings"
)

// The strategies of an update. They differ in the shift phase only.
const (
	StrategyAuto      = "auto"
	StrategyRolling   = "rolling"    // in waves of services that do not need each other, new beside old
	StrategyReload    = "reload"     // in place, while requests wait: no second copy
	StrategyQuick     = "quick"      // all at once, while requests wait: old and new never run together
	StrategyBlueGreen = "blue-green" // all new beside all old, one switch

	// What an update that touches no container is called; nobody asks for these:
	StrategyStatic   = "static"   // nothing but static files changed
	StrategyContract = "contract" // migrations that waited for the version that runs now
)

// strategies plan the shift, each in a file of its own.
var strategies = map[string]func(*Planner){
	StrategyRolling:   (*Planner).rolling,
	StrategyStatic:    (*Planner).rolling,
	StrategyReload:    (*Planner).reload,
	StrategyQuick:     (*Planner).quick,
	StrategyBlueGreen: (*Planner).blueGreen,
}

// Strategies lists the names that a user may give, those of Make first.
func Strategies() []string {
	return []string{StrategyRolling, StrategyReload, StrategyQuick, StrategyBlueGreen}
}

// The verdicts about the migrations of a new version, as a user declares them.
const (
	MigrationsCompatible = "compatible" // the code that runs now survives them
	MigrationsBreaking   = "breaking"
)

// StrategyError says why a strategy that was asked for cannot be used.
type StrategyError struct {
	Strategy string
	Reason   string
	Instead  string // what to do
}

func (e *StrategyError) Error() string {
	return fmt.Sprintf("strategy %s is not possible: %s", e.Strategy, e.Reason)
}

// Hint is what to do instead.
func (e *StrategyError) Hint() string { return e.Instead }

// choose settles the strategy of the plan and says why.
func (p *Planner) choose() error {
	switch name := p.options.Strategy; name {
	case "", StrategyAuto:
		p.plan.Strategy, p.plan.Choice = p.decide()
		return nil
	default:
		if !slices.Contains(Strategies(), name) {
			return &StrategyError{Strategy: name, Reason: "there is no such strategy", Instead: "this version knows: auto, " + strings.Join(Strategies(), ", ")}
		}
		p.plan.Strategy, p.plan.Choice = name, "asked for"
		if name == StrategyBlueGreen && !p.options.regardless {
			return p.blueGreenFits()
		}
		return nil
	}
}

// decide is the decision tree: the strategy that costs least and cannot hurt.
func (p *Planner) decide() (name, why string) {
	if p.options.Restore != nil {
		return StrategyQuick, "the data goes back too: nobody may write while the databases are exchanged"
	}
	if p.options.BackTo > 0 {
		return StrategyRolling, "back to what served before"
	}
	if len(p.work) > 0 && !slices.ContainsFunc(p.work, func(w work) bool { return !p.onlyStatic(w) }) {
		return StrategyStatic, "nothing but static files changed: they are collected, and no container is touched"
	}
	if len(p.work) > 0 && !slices.ContainsFunc(p.work, func(w work) bool { return !p.rereads(w) }) {
		return StrategyReload, "nothing but mounted files changed: they are read again, and no container is made anew"
	}
	var due []string
	for _, m := range p.migrations() {
		switch m.verdict {
		case MigrationsBreaking:
			return StrategyQuick, m.words() + ": " + p.whyBreaking(m)
		case MigrationsCompatible:
			if p.running(m.service) {
				due = append(due, m.why()...)
			}
		default:
			if len(m.service.Migrate) == 0 {
				continue // its job is asked to do it, by whoever wrote the compose file; a note says what is not known
			}
			return StrategyQuick, m.words() + ": " + whyUnknown(m) + "; if it does, --migrations compatible lets it serve meanwhile"
		}
	}
	if len(due) > 0 {
		return StrategyRolling, strings.Join(due, "; ")
	}
	return StrategyRolling, ""
}

// whyBreaking says why old and new must not run together.
func (p *Planner) whyBreaking(m migration) string {
	const apart = "so old and new must not run together"
	if m.judged == nil || m.judged.Verdict() != MigrationsBreaking || p.options.Migrations != "" {
		return "what runs now does not survive that, " + apart
	}
	return "what runs now does not survive it (" + m.judged.why(func(j Judged) []string { return j.BreaksOld }) + "), " + apart
}

// whyUnknown says what is missing for a verdict.
func whyUnknown(m migration) string {
	if m.judged == nil {
		return "nobody said whether what runs now survives that"
	}
	if why := m.judged.why(func(j Judged) []string { return j.Unknown }); why != "" {
		return "whether what runs now survives it cannot be told (" + why + ")"
	}
	return "whether what runs now survives it cannot be told"
}
