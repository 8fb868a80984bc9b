package update

import (
	"slices"
	"strings"

	"gapless/internal/project"
)

// noteOrphans says what runs and belongs to no service any more, as after a
// service got another name: it goes on beside its successor, and a scheduler or
// a worker then works twice.
func (p *Planner) noteOrphans() {
	var names []string
	for _, c := range p.state.Containers {
		_, known := p.project.Service(c.Service)
		if known || !c.Running || p.project.Inactive(c.Service) || p.takenOver(c.Service) {
			continue
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return
	}
	var singles []string
	for _, w := range p.work {
		if w.is(project.RoleScheduler, project.RoleWorker) && !p.running(w.service) {
			singles = append(singles, w.service.Name)
		}
	}
	text := "belongs to no service of the compose file and goes on: docker compose up --remove-orphans removes it"
	if len(singles) > 0 {
		text += "; if " + strings.Join(singles, " or ") + " comes in its place, stop it first, or both do the work"
	}
	p.note(strings.Join(names, ", "), false, "%s", text)
}

// takenOver tells whether another service takes the route of this one over,
// which says what becomes of its containers.
func (p *Planner) takenOver(serviceName string) bool {
	return slices.ContainsFunc(p.shift, func(step Step) bool {
		move, is := step.(*SwitchStep)
		if !is {
			return false
		}
		_, taken := move.Instead[serviceName]
		return taken
	})
}
