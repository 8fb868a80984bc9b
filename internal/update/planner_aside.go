package update

import (
	"slices"

	"gapless/internal/change"
	"gapless/internal/project"
)

// aside plans work that replaces no container. It tells whether the work is of
// that kind.
func (p *Planner) aside(w work) bool {
	switch {
	case p.onlyStatic(w):
		p.noteManifest(w.service)
		if len(w.service.Static) > 0 && w.change.Build {
			p.backToRunning(w)
		}
	case p.rereads(w):
		p.later = append(p.later, w)
	case len(w.change.Causes) == 0:
		p.restart(w, "restarted in place")
	default:
		reason, restart := p.restartReads(w)
		if !restart {
			p.noteFiles(w, "made anew")
			return false
		}
		p.noteFiles(w, "restarted")
		p.restart(w, reason)
	}
	return true
}

// restartReads tells whether nothing differs but mounted files, and a restart in
// place costs no more than another container, because the one that runs must
// stop anyway. Mounts are made again when a container starts, also those of files
// that were replaced. What an nginx made of its templates stays in its container.
func (p *Planner) restartReads(w work) (reason string, yes bool) {
	if !w.onlyFiles() || !p.running(w.service) || p.copied(w) || w.service.Nginx && slices.ContainsFunc(w.change.Files, startsWith) {
		return "", false
	}
	r, old := p.newRoll(w.service, w.change)
	return r.order(len(old))
}

// startsWith tells whether a mounted file is worked on when an nginx starts.
func startsWith(target string) bool { return !project.NginxReads(target) }

// onlyFiles tells whether the containers fit, but for what they read from the
// host.
func (w work) onlyFiles() bool {
	return w.change.Missing+len(w.change.Surplus) == 0 && w.onlyFor(change.KindFiles)
}

// onlyFor tells whether all causes are of one kind.
func (w work) onlyFor(kind change.Kind) bool {
	return !slices.ContainsFunc(w.change.Causes, func(c change.Cause) bool { return c.Kind != kind })
}

// onlyStatic tells whether nothing but static files differs, and somebody
// collects them from that image.
func (p *Planner) onlyStatic(w work) bool {
	if !w.change.Source.StaticOnly() || !p.running(w.service) || len(w.change.Surplus)+w.change.Missing > 0 || !w.onlyFor(change.KindSource) {
		return false
	}
	return slices.ContainsFunc(p.work, func(other work) bool {
		return other.service.Image == w.service.Image && len(other.service.Static) > 0
	})
}

// noteManifest says what an application does not notice that has read the names
// of its static files when it started.
func (p *Planner) noteManifest(s project.Service) {
	if s.Framework == project.FrameworkDjango && s.Role == project.RoleWeb {
		p.note(s.Name, false, "with ManifestStaticFilesStorage it has read the names of its static files when it started: "+
			"pages show changed ones after a restart (gapless update --strategy reload %s)", s.Name)
	}
}

// backToRunning gives the image's name back to the image that runs: the new
// one was needed for its static files only, and docker compose up must not
// replace what serves. A later rollback may need it again, under another name.
func (p *Planner) backToRunning(w work) {
	s := w.service
	running := p.state.ContainersOf(s.Name)[0].ImageID
	p.shift = append(p.shift,
		&TagStep{Service: s.Name, ImageID: s.Image, Reference: StaticPin(p.project.Name, s.Name, p.plan.To)},
		&TagStep{Service: s.Name, ImageID: running, Reference: s.Image})
}
