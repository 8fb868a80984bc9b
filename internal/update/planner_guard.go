package update

import (
	"reflect"
	"slices"
	"strings"

	"gapless/internal/project"
)

// guard is the guard of some of the migrations of a service; nil where nobody
// knows that they work on a Postgres of the project which stays as it is.
func (p *Planner) guard(m migration, some []Judged) *Guard {
	if m.judged == nil || m.judged.Database == nil || m.judged.Source != JudgedByTrace || p.replaced(m.judged.Database.Container) {
		return nil
	}
	return guardOf(*m.judged.Database, some)
}

// replaced tells whether a container is one of a service that changes.
func (p *Planner) replaced(container string) bool {
	return slices.ContainsFunc(p.work, func(w work) bool {
		return slices.ContainsFunc(p.state.ContainersOf(w.service.Name), func(c Container) bool { return c.Name == container })
	})
}

// migrateSteps plans the migrations of a service: one command for all, or one for
// each where they need guards of their own and the framework can be told where to
// stop.
func (p *Planner) migrateSteps(m migration, why string) []Step {
	all := m.service.Migrate
	if m.judged == nil {
		return []Step{p.task(m.work, TaskMigrate, all, migrateLimit, why)}
	}
	var steps []Step
	if p.apart(m) {
		for _, one := range m.judged.Migrations {
			alone := Judgement{Migrations: []Judged{one}}
			step := p.task(m.work, TaskMigrate, djangoUpTo(all, one.Name), migrateLimit, "migration "+one.Name+": "+alone.Words())
			step.Guard = p.guard(m, []Judged{one})
			steps = append(steps, step)
		}
		last := p.task(m.work, TaskMigrate, all, migrateLimit, "what follows all migrations")
		last.Guard = p.guard(m, nil)
		return append(steps, last)
	}
	step := p.task(m.work, TaskMigrate, all, migrateLimit, why)
	step.Guard = p.guard(m, m.judged.Migrations)
	return []Step{step}
}

// apart tells whether migrations run by a command each. Each costs the start of a
// container, so it is done only where their guards differ.
func (p *Planner) apart(m migration) bool {
	if m.service.Framework != project.FrameworkDjango || !takesTarget(m.service) || p.guard(m, nil) == nil {
		return false
	}
	all := m.judged.Migrations
	return slices.ContainsFunc(all, func(one Judged) bool {
		return !reflect.DeepEqual(p.guard(m, []Judged{one}), p.guard(m, all[:1]))
	}) && !slices.ContainsFunc(all, func(one Judged) bool { return djangoUpTo(nil, one.Name) == nil })
}

// takesTarget tells whether the migrate command of a service is known to be that
// of Django, so that an application and a migration can follow it.
func takesTarget(s project.Service) bool {
	known := append(slices.Clone(s.FrameworkCommand), "migrate")
	if len(s.FrameworkCommand) == 0 || len(s.Migrate) < len(known) || !slices.Equal(s.Migrate[:len(known)], known) {
		return false
	}
	return !slices.ContainsFunc(s.Migrate[len(known):], func(word string) bool { return !strings.HasPrefix(word, "-") })
}

// djangoUpTo is the command that migrates one application up to a migration; nil
// if it has another name than Django gives.
func djangoUpTo(command []string, name string) []string {
	application, migration, is := strings.Cut(name, "/")
	if !is || application == "" || migration == "" {
		return nil
	}
	return append(slices.Clone(command), application, migration)
}
