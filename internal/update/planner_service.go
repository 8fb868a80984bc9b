package update

import (
	"maps"
	"slices"
	"strings"

	"gapless/internal/change"
	"gapless/internal/project"
)

// service notes what is to be done for one service and returns why in words;
// empty if nothing is. How it is done is the strategy's matter.
func (p *Planner) service(s project.Service) string {
	c, changed := p.changes[s.Name]
	if !changed && p.restartAsked(s) {
		p.work = append(p.work, work{s, change.Change{Service: s.Name}})
		return "restart asked for"
	}
	if !changed {
		return p.routeOnly(s)
	}
	if len(p.options.Named) > 0 && !slices.Contains(p.options.Named, s.Name) {
		p.note(s.Name, false, "changed too (%s), left alone because it was not named", c.Words())
		return "" // its route belongs to what runs
	}
	if s.Role == project.RoleStateful && p.running(s) && !slices.Contains(p.options.Named, s.Name) {
		p.note(s.Name, false, "changed (%s), but a %s is never replaced unless you name it: gapless update %s", c.Words(), "stateful service", s.Name)
		return ""
	}
	if len(s.Hooks) > 0 {
		p.note(s.Name, false, "its %s hooks do not run in an update", strings.Join(s.Hooks, " and "))
	}
	p.fetch(s, c)
	p.work = append(p.work, work{s, c})
	return c.Words()
}

// work is one service that takes part in an update.
type work struct {
	service project.Service
	change  change.Change
}

// is tells whether the service has one of the roles.
func (w work) is(roles ...project.Role) bool { return slices.Contains(roles, w.service.Role) }

// takesRequests tells whether the service is one that is replaced for the sake
// of its requests: a front is one where it stands behind the edge.
func (w work) takesRequests() bool {
	return w.is(project.RoleWeb) || w.is(project.RoleFront) && w.service.Route != nil
}

// running tells whether any container of the service is up.
func (p *Planner) running(s project.Service) bool {
	return slices.ContainsFunc(p.state.ContainersOf(s.Name), func(c Container) bool { return c.Running })
}

// fetch plans how the image gets here.
func (p *Planner) fetch(s project.Service, c change.Change) {
	previous := p.state.Images[s.Name].ID
	if p.fetched[s.Image] {
		return // another service has the same image
	}
	p.fetched[s.Image] = c.Build || c.Pull
	switch {
	case c.Build:
		p.prepare = append(p.prepare, &BuildStep{Service: s.Name, Image: s.Image, Previous: previous, Why: c.Causes[0].Words,
			NoCache: BuildsAfresh(p.options, c), Built: p.state.Built[s.Name]})
	case c.Pull:
		p.prepare = append(p.prepare, &PullStep{Service: s.Name, Image: s.Image, Previous: previous, Why: c.Causes[0].Words})
	}
}

// BuildsAfresh tells whether an image is built without the build cache: it would
// keep dependencies whose version is not fixed.
func BuildsAfresh(options Options, c change.Change) bool {
	return options.NoCache || c.Source.Dependencies
}

// job plans one run of a one-shot service.
func (p *Planner) job(s project.Service, c change.Change) {
	number := p.freeNumber(s.Name)
	name := p.containerName(s, number)
	step := &JobStep{Service: s.Name, Name: name, Number: number, Release: p.plan.To, AtMost: DefaultJobLimit, Why: "once, from the new image"}
	old := p.state.ContainersOf(s.Name)
	if s.ContainerName != "" && len(old) > 0 {
		p.shift = append(p.shift, p.renameAway(old[0]))
	}
	p.take(s.Name, number, name)
	p.shift = append(p.shift, step)
	for _, container := range old {
		p.remove(container, false)
	}
}

// routeOnly sets the route of a service whose containers stay, if the edge
// does not have it as it should be.
func (p *Planner) routeOnly(s project.Service) string {
	containers := p.state.ContainersOf(s.Name)
	if s.Route == nil || len(containers) == 0 || p.begins {
		return ""
	}
	before := p.routeOf(s.Name)
	after := p.wantedRoute(s)
	for _, c := range containers {
		t := p.target(c, p.plan.From)
		t.Port = s.Route.Port
		after.Targets = append(after.Targets, t)
	}
	const words = "not routed as the settings say"
	_, moves := p.handover[s.Name]
	switch {
	case before != nil && sameRoute(*before, after) || before == nil && moves:
		p.reached(s.Name, before, after.Targets)
		if moves {
			return words
		}
		return ""
	default:
		p.shift = append(p.shift, &SwitchStep{Service: s.Name, Before: before, After: &after})
		p.reached(s.Name, &after, after.Targets)
		return words
	}
}

// findUnrouted notes the services that have a route and shall have none. What
// runs of a profile that is not active now is left as it is.
func (p *Planner) findUnrouted() {
	for name := range p.state.Routes {
		s, ok := p.project.Service(name)
		if p.project.Inactive(name) && p.running(project.Service{Name: name}) {
			continue
		}
		if !ok || s.Route == nil {
			p.unrouted[name] = true
		}
	}
}

// dropRoute plans that the edge forgets the route of a service.
func (p *Planner) dropRoute(serviceName string) {
	route := p.state.Routes[serviceName]
	p.shift = append(p.shift, &SwitchStep{Service: serviceName, Before: &route})
	delete(p.unrouted, serviceName)
}

// unroute takes away the routes that nobody took over.
func (p *Planner) unroute() {
	for _, name := range slices.Sorted(maps.Keys(p.unrouted)) {
		p.dropRoute(name)
		p.note(name, true, "has no route any more: the edge stops answering for it")
	}
}
