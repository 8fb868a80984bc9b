package update

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gapless/internal/project"
)

// Migrations that take away what the version that runs now uses can wait until the
// new one serves alone, if that one does without them: nobody has to wait then, and
// the version before can still come back. The release remembers them; Contract
// plans to run them.

// split lets the migrations wait that can. An update that keeps old and new apart
// has no need for it.
func (p *Planner) split(m migration) migration {
	if m.verdict != MigrationsBreaking || m.judged == nil || p.plan.Strategy == StrategyQuick || p.options.Migrations != "" {
		return m
	}
	if declared := m.service.Compatible; declared != nil && !*declared {
		return m // said for all updates, whatever is found out
	}
	count, others := m.judged.first()
	if !others || m.service.MigrateOnly(m.names) == nil {
		return m
	}
	if p.startsMigrating(m.service) {
		p.note(m.service.Name, false, "%s cannot wait for the new version to serve alone: a container of it migrates when it starts", breaking(m.judged))
		return m
	}
	all := m.judged.Migrations
	m.later = m.judged.only(all[count:])
	m.judged = m.judged.only(all[:count])
	m.names, m.verdict = m.judged.Names(), MigrationsCompatible
	return m
}

// migrateWord finds a command that migrates.
var migrateWord = regexp.MustCompile(`\bmigrate\b`)

// startsMigrating tells whether a container of the service, or of another one with
// its image, migrates when it starts, as far as its command says so.
func (p *Planner) startsMigrating(s project.Service) bool {
	migrates := func(command ...string) bool { return migrateWord.MatchString(strings.Join(command, " ")) }
	return slices.ContainsFunc(p.project.Services, func(other project.Service) bool {
		if other.Image != s.Image || other.Role == project.RoleJob {
			return false
		}
		return migrates(slices.Concat(other.Entrypoint, other.Command)...) || slices.ContainsFunc(p.state.ContainersOf(other.Name), func(c Container) bool {
			return c.Running && migrates(slices.Concat(c.Entrypoint, c.Command)...)
		})
	})
}

// newMayNeed tells whether the new version may not do without what is due.
func (p *Planner) newMayNeed(w work) bool {
	judged := p.state.Judgements[w.service.Name]
	return judged == nil || slices.ContainsFunc(judged.Migrations, func(m Judged) bool { return len(m.BreaksNew)+len(m.MayNeed)+len(m.Unknown) > 0 })
}

// why says why they are no reason to keep old and new apart.
func (m migration) why() []string {
	var words []string
	if m.later == nil || len(m.names) > 0 {
		words = append(words, m.words()+": what runs now survives that, so it comes first")
	}
	if m.later != nil {
		words = append(words, fmt.Sprintf("%s: what runs now does not survive it (%s), and the new version does without, so it waits for gapless migrations contract",
			migrationWords(m.service.Name, m.later.Names()), m.later.why(func(j Judged) []string { return j.BreaksOld })))
	}
	return words
}

// waiting are the migrations of a service that an earlier release left for later.
func (p *Planner) waiting(serviceName string) []Waiting {
	if p.state.Release == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.state.Release.Waiting), func(w Waiting) bool { return w.Service != serviceName })
}

// onlyWaiting tells whether nothing is due but what waits already.
func (p *Planner) onlyWaiting(serviceName string, due []string) bool {
	return len(due) > 0 && !slices.ContainsFunc(due, func(name string) bool {
		return !slices.ContainsFunc(p.waiting(serviceName), func(w Waiting) bool { return slices.Contains(w.Names, name) })
	})
}

// recorded is what the release says about the migrations that run. Those that
// waited are survived by the version that runs now, and not by older ones. A whole
// migrate command runs them too, whoever named them.
func (p *Planner) recorded(m migration) []Migrated {
	var found []Migrated
	rest := slices.Clone(m.names)
	for _, w := range p.waiting(m.service.Name) {
		names := w.Names
		if m.later != nil {
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(m.names, name) })
		}
		if len(names) > 0 {
			found = append(found, Migrated{Service: w.Service, Names: names, Verdict: MigrationsBreaking, Since: w.Since})
		}
		rest = slices.DeleteFunc(rest, func(name string) bool { return slices.Contains(names, name) })
	}
	if len(rest) > 0 || m.later == nil && (len(found) == 0 || len(m.names) == 0 && m.judged == nil) {
		found = append(found, Migrated{Service: m.service.Name, Names: rest, Verdict: m.verdict})
	}
	return found
}

// leaveWaiting notes what waits.
func (p *Planner) leaveWaiting(m migration) {
	if m.later == nil {
		return
	}
	since := p.plan.To
	p.plan.Waiting = append(p.plan.Waiting, Waiting{Service: m.service.Name, Names: m.later.Names(), Since: since})
	p.note(m.service.Name, false, "%s waits until no version before release %d is to come back; run it then with gapless migrations contract, or keep old and new apart now with --migrations breaking",
		migrationWords(m.service.Name, m.later.Names()), since)
}

// keepWaiting hands on what an earlier release left waiting and this update does
// not run.
func (p *Planner) keepWaiting() {
	if p.options.BackTo > 0 {
		p.plan.Waiting = p.options.Waiting
		return
	}
	if p.state.Release == nil {
		return
	}
	var runs []string
	for _, m := range p.plan.Migrations {
		runs = append(runs, m.Service)
	}
	for _, w := range p.plan.Waiting {
		runs = append(runs, w.Service) // with what waited before among it
	}
	for _, w := range p.state.Release.Waiting {
		if _, there := p.project.Service(w.Service); !there {
			p.note(w.Service, false, "%s, waits no longer: the project has no such service any more", w.Words())
		} else if !slices.Contains(runs, w.Service) {
			p.plan.Waiting = append(p.plan.Waiting, w)
			p.note(w.Service, false, "%s, still waits: gapless migrations contract", w.Words())
		}
	}
}

// Contract plans to run the migrations that wait. Everything else stays as it is.
// The project is that of the release that runs.
func Contract(state State, p *project.Project, options Options) (Plan, error) {
	planner := newPlanner(state, p, nil, options)
	planner.plan.Strategy = StrategyContract
	var because []string
	for _, waiting := range state.Release.Waiting {
		service, there := p.Service(waiting.Service)
		if !there || len(service.Migrate) == 0 {
			planner.plan.Waiting = append(planner.plan.Waiting, waiting)
			continue
		}
		because = append(because, waiting.Words())
		if err := planner.contract(work{service: service}, waiting); err != nil {
			return Plan{}, err
		}
	}
	if err := planner.checkBackup(); err != nil {
		return Plan{}, err
	}
	if err := planner.rewritesFit(); err != nil {
		return Plan{}, err
	}
	return planner.assemble(strings.Join(because, "; ")), nil
}

// contract plans the migrations that wait for one service.
func (p *Planner) contract(w work, waiting Waiting) error {
	m := migration{work: w, names: waiting.Names, verdict: p.verdict(w), judged: p.state.Judgements[w.service.Name]}
	const allTheSame = "gapless migrations contract --migrations compatible runs it all the same"
	switch {
	case !p.running(w.service):
		return &RefusedError{Reason: m.words() + ": " + w.service.Name + " does not run", Instead: "gapless update brings it back"}
	case p.options.Migrations == MigrationsCompatible:
	case m.judged == nil:
		return &RefusedError{Reason: m.words() + ": whether what runs now survives it could not be found out", Instead: allTheSame}
	case !m.judged.Compared:
		return &RefusedError{Reason: m.words() + ": what runs now could not be compared with it: " + m.judged.Untraced, Instead: allTheSame}
	case m.judged.Verdict() == MigrationsBreaking:
		return &RefusedError{Reason: m.words() + ": what runs now does not survive it: " + m.judged.why(func(j Judged) []string { return j.BreaksOld }), Instead: "gapless update first, to a version that does without"}
	case m.judged.Verdict() == "":
		return &RefusedError{Reason: m.words() + ": " + whyUnknown(m), Instead: allTheSame}
	}
	if m.judged != nil {
		m.names = m.judged.Names()
	}
	why := m.words()
	if m.judged != nil {
		why += ": " + m.judged.Words()
	}
	step := p.task(w, TaskMigrate, w.service.Migrate, migrateLimit, why)
	step.Guard = p.guard(m)
	runs := p.state.ContainersOf(w.service.Name)
	step.ImageID = runs[slices.IndexFunc(runs, func(c Container) bool { return c.Running })].ImageID // whatever its name means by now
	p.shift = append(p.shift, step)
	p.plan.Migrations = append(p.plan.Migrations, p.recorded(m)...)
	p.note(w.service.Name, false, "a version before release %d does not work with it any more; what is done to the data stays", waiting.Since)
	p.noteJudgement(m)
	return nil
}
