package update

import (
	"fmt"
	"strings"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// How long the commands of an update may take.
const (
	checkLimit   = 5 * time.Minute
	staticLimit  = 10 * time.Minute
	migrateLimit = 30 * time.Minute
)

// newCode tells whether the service gets another image.
func (w work) newCode() bool { return w.change.Has(change.KindImage, change.KindSource) }

// task plans one command in a container of its own.
func (p *Planner) task(w work, purpose string, command []string, limit time.Duration, why string) *TaskStep {
	return &TaskStep{Service: w.service.Name, Name: p.taskName(w, purpose), Command: command, Release: p.plan.To, AtMost: limit, Purpose: purpose, Why: why}
}

// taskName takes a free name for a container that works for a service.
func (p *Planner) taskName(w work, purpose string) string {
	name := fmt.Sprintf("%s-%s-%s-r%d", p.project.Name, w.service.Name, purpose, p.plan.To)
	for number := 2; p.taken[name]; number++ {
		name = fmt.Sprintf("%s-%s-%s%d-r%d", p.project.Name, w.service.Name, purpose, number, p.plan.To)
	}
	p.taken[name] = true
	return name
}

// check plans the checks in the new images. They come before anything is
// touched. Nothing is checked of what does not run yet: its database may be as
// new as itself.
func (p *Planner) check() {
	if p.options.BackTo > 0 {
		return
	}
	for _, w := range p.work {
		p.testFront(w)
		if !w.change.Has(change.KindImage, change.KindSource, change.KindConfig) || !p.running(w.service) || p.onlyStatic(w) {
			continue
		}
		for _, command := range w.service.Checks {
			p.prepare = append(p.prepare, p.task(w, TaskCheck, command, checkLimit, "in the new version, before anything is touched"))
		}
	}
}

// collectStatic plans the collection of static files. The new ones stand
// beside the old ones: names with a digest in them keep both versions alive.
func (p *Planner) collectStatic() {
	for _, w := range p.work {
		if len(w.service.Static) == 0 || !w.newCode() || w.change.Source.Known && !w.change.Source.Static && !w.change.Source.Dependencies && !w.change.Source.Docker {
			continue
		}
		step := p.task(w, TaskStatic, w.service.Static, staticLimit, "new static files beside the old ones")
		step.ImageID = p.options.Statics[w.service.Name]
		step.Beside = p.beside(w)
		p.shift = append(p.shift, step)
	}
}

// beside plans to collect where nobody is served from; nil where nobody is
// served from the place itself, or it cannot be done.
func (p *Planner) beside(w work) *Beside {
	target := w.service.StaticTarget
	if target == "" || !p.running(w.service) {
		return nil
	}
	if p.state.NoHelper != "" {
		p.note(w.service.Name, false, "static files are rewritten in %s while they are served, so that a request for one may fail: %s", target, p.state.NoHelper)
		return nil
	}
	return &Beside{Target: target, Prepare: p.taskName(w, "static-prepare"), Publish: p.taskName(w, "static-publish")}
}

// migration is what is known of the migrations that one service brings.
type migration struct {
	work
	names   []string   // empty: some may be due, nobody knows which
	verdict string     // MigrationsCompatible, MigrationsBreaking or empty: nobody said
	judged  *Judgement // nil: nothing was found out
	// later are those that wait until the new version serves alone. Names, verdict
	// and judged are about the others then, and no names mean that there are none.
	later *Judgement
}

// migrations finds out who has to migrate and what it means for the version
// that runs now.
func (p *Planner) migrations() []migration {
	var found []migration
	if p.options.BackTo > 0 {
		return nil
	}
	for _, w := range p.work {
		byJob := w.service.MigratedBy != "" && p.state.Judgements[w.service.Name] != nil
		if len(w.service.Migrate) == 0 && !byJob || !w.newCode() && p.running(w.service) {
			continue
		}
		names, known := p.due(w)
		if known && (len(names) == 0 || p.onlyWaiting(w.service.Name, names) && !p.newMayNeed(w)) {
			continue
		}
		found = append(found, p.split(migration{work: w, names: names, verdict: p.verdict(w), judged: p.state.Judgements[w.service.Name]}))
	}
	return found
}

// due lists the migrations that a service brings, as far as its image or its
// source tells. The image knows those of its dependencies too.
func (p *Planner) due(w work) (names []string, known bool) {
	names, known = p.state.Pending[w.service.Name]
	if !known && w.change.Source.Known {
		return w.change.Source.Migrations, true
	}
	return names, known
}

// verdict says whether the version that runs now survives the migrations of a
// service. What is said for this update counts before what was found out; what
// the settings say holds for all updates, and counts if it is the worse.
func (p *Planner) verdict(w work) string {
	judged := p.state.Judgements[w.service.Name]
	declared := w.service.Compatible
	switch {
	case !p.running(w.service):
		return MigrationsCompatible // nobody is there to be hurt
	case p.options.Migrations != "":
		return p.options.Migrations
	case declared != nil && !*declared:
		return MigrationsBreaking
	case judged != nil && judged.Verdict() != "":
		return judged.Verdict()
	case declared != nil:
		return MigrationsCompatible
	}
	return ""
}

func (m migration) words() string { return migrationWords(m.service.Name, m.names) }

// migrationWords lists the migrations of a service; no names: nobody knows
// which.
func migrationWords(serviceName string, names []string) string {
	if len(names) == 0 {
		return "migrations of " + serviceName + " that may be due"
	}
	const shown = 3
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(names) == 1 {
		return "migration " + text
	}
	return fmt.Sprintf("%d migrations (%s)", len(names), text)
}

// migrate plans the migrations of all services.
func (p *Planner) migrate() {
	for _, m := range p.migrations() {
		if len(m.service.Migrate) == 0 {
			p.noteJob(m)
			continue
		}
		why := m.words()
		if m.judged != nil {
			why += ": " + m.judged.Words()
		}
		if step := p.task(m.work, TaskMigrate, m.service.Migrate, migrateLimit, why); m.later == nil || len(m.names) > 0 {
			step.Guard = p.guard(m)
			if m.later != nil {
				step.Command, step.Shown = m.service.MigrateOnly(m.names), "only "+strings.Join(m.names, ", ")
			}
			p.shift = append(p.shift, step)
		}
		p.plan.Migrations = append(p.plan.Migrations, p.recorded(m)...)
		if m.verdict != MigrationsCompatible {
			p.note(m.service.Name, false, "%s: what is done to the data stays if the update is undone", m.words())
		}
		p.leaveWaiting(m)
		p.noteJudgement(m)
	}
	p.migrated = true
}

// migrateBefore plans the migrations before the first service that may need
// them: databases and other services that they need come first.
func (p *Planner) migrateBefore(w work) {
	if !p.migrated && w.is(project.RoleWeb, project.RoleWorker, project.RoleScheduler) {
		p.migrate()
	}
}
