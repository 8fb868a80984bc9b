package update

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/project"
)

// backup plans a backup before what may migrate the database. It comes before
// the shift in every strategy: what is written between it and the migration is
// in the database, and not in the backup.
func (p *Planner) backup() []Step {
	why := p.migrates()
	if why == "" || p.state.Backup == nil {
		return nil
	}
	target := *p.state.Backup
	switch {
	case p.options.NoBackup:
		p.note(target.Service, false, "no backup is made before %s: --no-backup", why)
	case target.No != "":
		p.note(target.Service, false, "no backup is made before %s: %s", why, target.No)
	default:
		if text := target.tight(); text != "" {
			p.note(target.Service, false, "%s", text)
		}
		return target.steps("before " + why)
	}
	return nil
}

// checkBackup refuses to migrate without the backup that the project asks for.
func (p *Planner) checkBackup() error {
	target := p.state.Backup
	if target == nil || target.No == "" || !target.Wanted || p.options.NoBackup {
		return nil
	}
	if why := p.migrates(); why != "" {
		return &RefusedError{Reason: fmt.Sprintf("no backup can be made before %s: %s", why, target.No), Instead: "remove the cause, or --no-backup migrates without one"}
	}
	return nil
}

// backsUp tells whether a migration of this plan has a backup before it.
func (p *Planner) backsUp() bool {
	return p.state.Backup != nil && p.state.Backup.No == "" && !p.options.NoBackup
}

// migrates says what of the plan may migrate a database that runs; empty:
// nothing.
func (p *Planner) migrates() string {
	var words []string
	for _, m := range p.plan.Migrations {
		words = append(words, m.words())
	}
	for _, service := range p.project.Services {
		if service.Role == project.RoleJob && migratesByName(service) && !p.knownJob(service.Name) && slices.ContainsFunc(p.shift, func(step Step) bool { return runsJob(step, service.Name) }) {
			words = append(words, "the job "+service.Name)
		}
	}
	return strings.Join(words, ", ")
}

// knownJob tells a job that migrates for a service that was asked what is due:
// that is among the migrations of the plan, or there is none.
func (p *Planner) knownJob(job string) bool {
	return slices.ContainsFunc(p.project.Services, func(s project.Service) bool {
		_, asked := p.state.Pending[s.Name]
		return s.MigratedBy == job && asked
	})
}

// runsJob looks for the job of a service, also among the parts of a step.
func runsJob(step Step, serviceName string) bool {
	switch s := step.(type) {
	case *JobStep:
		return s.Service == serviceName
	case *ParallelStep:
		return slices.ContainsFunc(s.Steps, func(part planStep) bool { return runsJob(part.Step, serviceName) })
	}
	return false
}

// migratesByName tells a job whose name or command says that it migrates.
func migratesByName(service project.Service) bool {
	said := strings.ToLower(service.Name + " " + strings.Join(service.Entrypoint, " ") + " " + strings.Join(service.Command, " "))
	return slices.ContainsFunc([]string{"migrat", "alembic", "flyway", "liquibase"}, func(word string) bool { return strings.Contains(said, word) })
}

func (m Migrated) words() string { return migrationWords(m.Service, m.Names) }
