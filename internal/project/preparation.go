package project

import (
	"slices"
	"strings"
)

// assignPreparations decides which service's new image runs the checks, the
// migration and the collection of static files: the services that the settings
// name, else one of each image whose framework has such commands.
func assignPreparations(p *Project, settings map[string]ServiceSettings) {
	images := imageKeys(p)
	members := map[string][]*Service{}
	var order []string
	for i := range p.Services {
		key := images[p.Services[i].Name]
		if len(members[key]) == 0 {
			order = append(order, key)
		}
		members[key] = append(members[key], &p.Services[i])
	}
	for _, key := range order {
		prepare(p, members[key], settings)
	}
	assignTopChecks(p, members, order, settings)
	for i := range p.Services {
		if service := &p.Services[i]; len(service.Static) > 0 {
			service.StaticTarget = p.staticTarget(*service)
		}
	}
}

// prepare fills in the commands of the services that share an image.
func prepare(p *Project, services []*Service, settings map[string]ServiceSettings) {
	declared := struct{ checks, migrate, static bool }{}
	for _, service := range services {
		own := settings[service.Name]
		service.Preparation = Preparation{
			Checks: own.Checks, Migrate: own.Migrate.Command, Pending: own.Migrate.Pending, MigrationSQL: own.Migrate.SQL,
			Compatible: own.Migrate.Compatible, Static: own.Static.Command,
		}
		declared.checks = declared.checks || own.Checks != nil
		declared.migrate = declared.migrate || own.Migrate.Command != nil
		declared.static = declared.static || own.Static.Command != nil
		if len(own.Migrate.Command) > 0 && own.Migrate.Pending == nil {
			service.Pending = service.frameworkCommand(knownCommands[service.Framework].pending)
		}
	}
	owner := ownerOf(services)
	if owner == nil || owner.Framework == FrameworkNone {
		return
	}
	known := knownCommands[owner.Framework]
	if !declared.checks && p.Settings.Checks == nil {
		for _, check := range known.checks {
			owner.Checks = append(owner.Checks, owner.frameworkCommand(check))
		}
	}
	if !declared.migrate {
		if owner.Pending == nil {
			owner.Pending = owner.frameworkCommand(known.pending)
		}
		if job := p.jobThatRuns(services, known.migrate[0]); job == "" {
			owner.Migrate = owner.frameworkCommand(known.migrate)
		} else {
			owner.MigratedBy, owner.JobMigrate = job, owner.frameworkCommand(known.migrate)
		}
	}
	if !declared.static && p.jobThatRuns(services, known.static[0]) == "" {
		if mounting := p.mountsStaticOfFront(owner, services); mounting != nil {
			mounting.Static = mounting.frameworkCommand(known.static)
		}
	}
}

// frameworkCommand is a whole command; nil for none.
func (s *Service) frameworkCommand(words []string) []string {
	if len(words) == 0 || len(s.FrameworkCommand) == 0 {
		return nil
	}
	return slices.Concat(s.FrameworkCommand, words)
}

// MigrateOnly is the command that runs these migrations and no others. It is nil
// where the migrate command is not the framework's own: then nobody knows how.
func (s *Service) MigrateOnly(migrations []string) []string {
	known := knownCommands[s.Framework]
	if known.only == nil || !slices.Equal(s.Migrate, s.frameworkCommand(known.migrate)) {
		return nil
	}
	return s.frameworkCommand(known.only(migrations))
}

// ownerOf is the service that runs the commands of an image: one that takes
// requests before one that works in the background, because its settings are
// the most complete.
func ownerOf(services []*Service) *Service {
	for _, role := range []Role{RoleWeb, RoleWorker, RoleScheduler} {
		for _, service := range services {
			if service.Role == role {
				return service
			}
		}
	}
	return nil
}

// assignTopChecks gives the checks of the project to the owners with a known
// framework, or where there are none to those that take requests.
func assignTopChecks(p *Project, members map[string][]*Service, order []string, settings map[string]ServiceSettings) {
	if len(p.Settings.Checks) == 0 {
		return
	}
	var framed, web []*Service
	for _, key := range order {
		owner := ownerOf(members[key])
		if owner == nil || slices.ContainsFunc(members[key], func(s *Service) bool { return settings[s.Name].Checks != nil }) {
			continue
		}
		if owner.Framework != FrameworkNone {
			framed = append(framed, owner)
		}
		if owner.Role == RoleWeb {
			web = append(web, owner)
		}
	}
	if len(framed) == 0 {
		framed = web
	}
	for _, owner := range framed {
		owner.Checks = p.Settings.Checks
	}
}

// jobThatRuns is the job that does that work already: one of the same image, or
// one that these services wait for. Empty if there is none.
func (p *Project) jobThatRuns(services []*Service, work string) string {
	for _, job := range p.Services {
		if job.Role != RoleJob || !slices.Contains(commandWords(p.Compose.Services[job.Name]), work) && !strings.Contains(job.Name, work) {
			continue
		}
		for _, service := range services {
			if service.Name == job.Name || slices.Contains(service.DependsOn, job.Name) {
				return job.Name
			}
		}
	}
	return ""
}

// mountsStaticOfFront is the service whose volume a front serves static files
// from, the owner before the others; nil if there is none. Uploads of users are
// shared in the same way and are told by their name.
func (p *Project) mountsStaticOfFront(owner *Service, services []*Service) *Service {
	for _, service := range append([]*Service{owner}, services...) {
		if runsOwnCode(*service) && slices.ContainsFunc(service.Volumes, p.servesStatic) {
			return service
		}
	}
	return nil
}

func (p *Project) servesStatic(volume Volume) bool {
	name := strings.ToLower(volume.Source + " " + volume.Target)
	if !volume.Writable || strings.Contains(name, "media") || strings.Contains(name, "upload") {
		return false
	}
	return slices.ContainsFunc(p.Services, func(front Service) bool {
		return front.Role == RoleFront && slices.ContainsFunc(front.Volumes, func(mount Volume) bool {
			return mount.Source == volume.Source && mount.Kind == volume.Kind && mount.Source != ""
		})
	})
}
