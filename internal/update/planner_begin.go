package update

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/change"
)

// findBeginning notes that the nginx that runs cannot be told yet who serves: it
// was never told, or has no way to the files, and it takes another container or a
// restart to change that.
func (p *Planner) findBeginning() {
	front, known := p.project.Service(p.project.Settings.Front.Service)
	c, changed := p.changes[front.Name]
	if !p.native() || !known || !changed || !p.running(front) || p.rereads(work{front, c}) {
		return
	}
	host, inside, mounted := p.project.Upstreams()
	p.begins = len(p.state.Routes) == 0 || mounted && slices.ContainsFunc(p.state.ContainersOf(front.Name), func(c Container) bool {
		return c.Running && !c.sees(host, inside)
	})
}

// begin plans how an nginx begins to pass the requests on by itself: the files
// name those who serve now before it starts, and nothing but nginx changes. A
// switch in the same update would reach an nginx that reads no files.
func (p *Planner) begin() error {
	if !p.begins {
		return nil
	}
	name := p.project.Settings.Front.Service
	if len(p.work) != 1 || p.work[0].service.Name != name {
		return p.beginsAlone(name)
	}
	if _, found := p.nginxCall(p.work[0]); !found && !p.work[0].change.Has(change.KindImage, change.KindSource, change.KindBase) {
		return &RefusedError{Reason: name + " does not say how it calls nginx, so nobody could tell it who serves: it is started by a script",
			Instead: `write it as a list into the compose file: entrypoint: [nginx, -g, "daemon off;"]`}
	}
	if moves := p.beginning(); len(moves) > 0 {
		p.prepare = append(p.prepare, &SwitchStep{Service: moves[0].Service, Before: moves[0].Before, After: moves[0].After, Also: slices.Concat(moves[1:]), AtStart: true})
	}
	p.late = append(p.late, &ConfirmStep{Service: name})
	p.note(name, false, "begins to pass the requests on by itself, to those that serve now: what else changed, or changes, comes after it, by gapless update")
	return nil
}

// beginsAlone refuses to change anything else before nginx, or with it.
func (p *Planner) beginsAlone(name string) error {
	var others []string
	for _, w := range p.work {
		if w.service.Name != name {
			others = append(others, w.service.Name)
		}
	}
	reason := fmt.Sprintf("the %s that runs does not read who serves yet, and begins to when it is made anew", name)
	if len(others) > 0 {
		reason += ": " + strings.Join(others, ", ") + " cannot change in the same update"
	}
	return &RefusedError{Reason: reason, Instead: fmt.Sprintf("begin with two commands: gapless update %s, then gapless update", name)}
}

// beginning gives each routed service the containers that run now. One without
// any gets its file too: nginx does not start without it.
func (p *Planner) beginning() (moves []RouteMove) {
	for _, s := range p.project.Services {
		if s.Route == nil {
			continue
		}
		before, after := p.routeOf(s.Name), p.settledRoute(s)
		for _, c := range p.state.ContainersOf(s.Name) {
			if c.Running {
				target := p.target(c, p.plan.From)
				target.Port = s.Route.Port
				after.Targets = append(after.Targets, target)
			}
		}
		if before == nil || !sameRoute(*before, after) {
			moves = append(moves, RouteMove{Service: s.Name, Before: before, After: &after})
		}
	}
	return moves
}
