package update

import (
	"slices"

	"gapless/internal/change"
	"gapless/internal/project"
)

// rereads tells whether nothing differs but mounted files that the service can
// be told to read again.
func (p *Planner) rereads(w work) bool {
	if len(w.change.Causes) == 0 || !w.onlyFiles() || !p.running(w.service) || len(w.change.Stale) > 0 {
		return false
	}
	if w.service.Reload != nil {
		return true
	}
	_, isNginx := p.nginxCall(w)
	return isNginx && !p.copied(w) && !slices.ContainsFunc(w.change.Files, startsWith)
}

// copied tells whether a changed file was copied into the containers when they
// were made, as the content of a config is: none of them sees another one.
func (p *Planner) copied(w work) bool {
	return slices.ContainsFunc(w.change.Files, func(target string) bool { return p.injected(w.service.Name, target) })
}

func (p *Planner) injected(serviceName, target string) bool {
	return slices.ContainsFunc(p.state.Mounts[serviceName], func(f MountedFile) bool { return f.Injected && f.Target == target })
}

// nginxCall is how nginx of a service is called, as far as the compose file and
// the container that runs tell.
func (p *Planner) nginxCall(w work) (call project.NginxCall, found bool) {
	var running Container
	for _, c := range p.state.ContainersOf(w.service.Name) {
		if c.Running {
			running = c
			break
		}
	}
	return w.service.NginxCall(running.Entrypoint, running.Command)
}

// testFront plans that nginx reads its new files in a container of its own
// before anything is touched. Its configuration may name services that are not
// there yet; then it is tested once they are.
func (p *Planner) testFront(w work) {
	call, found := p.nginxCall(w)
	if !found || !p.running(w.service) || !w.change.Has(change.KindFiles, change.KindConfig, change.KindImage, change.KindSource, change.KindBase) {
		return
	}
	step := p.task(w, TaskCheck, append(slices.Clone(call.Arguments), "-t"), checkLimit, "with the new files, before anything is touched")
	switch {
	case !p.someMissing() || p.begins: // a beginning starts nothing else
		p.prepare = append(p.prepare, step)
	case p.rereads(w):
		step.Why = "with the new files, before they are used"
		p.tests = append(p.tests, step)
	}
}

// someMissing tells whether a service of the project does not run yet.
func (p *Planner) someMissing() bool {
	return slices.ContainsFunc(p.project.Services, func(s project.Service) bool {
		return s.Replicas > 0 && s.Role != project.RoleJob && !p.running(s)
	})
}

// reread plans that what can be told to read its files again is told so: last,
// because no undo puts the files back.
func (p *Planner) reread() {
	p.shift = append(p.shift, p.tests...)
	for _, w := range p.later {
		if w.service.Reload != nil {
			p.restart(w, "restarted in place")
			continue
		}
		r, _ := p.newRoll(w.service, w.change)
		call, isNginx := p.nginxCall(w)
		for _, c := range p.state.ContainersOf(w.service.Name) {
			if !c.Running {
				continue
			}
			p.shift = append(p.shift, &RereadStep{Service: w.service.Name, Name: c.Name, ID: c.ID, Command: call.Argv, Drain: r.drainLimit(), Why: w.change.Words()})
			if r.routed() {
				p.shift = append(p.shift, r.gate(c.Name, []TargetRef{p.target(c, p.plan.From)}))
			}
		}
		p.note(w.service.Name, false, "its files are read again by the container that runs; an undo does not put your files back")
		if isNginx && !r.routed() {
			p.note(w.service.Name, false, "reads its files again: "+closesIdle)
		}
	}
}

// noteFiles says why files that could have been read again take more than that,
// and how it is done.
func (p *Planner) noteFiles(w work, how string) {
	for _, target := range w.change.Stale {
		if p.injected(w.service.Name, target) {
			p.note(w.service.Name, false, "%s is copied into a container when it is made: it is made anew", target)
			continue
		}
		p.note(w.service.Name, false, "%s is mounted as a single file and was replaced, which a running container never sees: it is %s; "+
			"mount its directory instead, and a change needs no more than a reload", target, how)
	}
	for _, target := range w.change.Files {
		if _, isNginx := p.nginxCall(w); isNginx && w.onlyFiles() && startsWith(target) {
			p.note(w.service.Name, false, "%s is worked on when a container starts: it is %s", target, how)
		}
	}
}

// noteUnread says which mounted files nobody looked at: a change of one is not
// noticed.
func (p *Planner) noteUnread() {
	for _, s := range p.project.Services {
		for _, f := range p.state.Mounts[s.Name] {
			if f.Note != "" {
				p.note(s.Name, false, "%s is not compared, a change of it is not noticed: %s", f.Target, f.Note)
			}
		}
	}
}
