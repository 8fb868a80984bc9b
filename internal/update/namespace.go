package update

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/project"
)

// RefusedError says why an update cannot be made, by whatever strategy: it would
// leave something out of service, or fill the disk.
type RefusedError struct {
	Reason  string
	Instead string // what to do
}

func (e *RefusedError) Error() string { return e.Reason }

// Hint is what to do instead.
func (e *RefusedError) Hint() string { return e.Instead }

// namespaces are what a container can share with the one of another service, by
// the key of the compose file, and what becomes of it when that one is replaced.
var namespaces = []struct {
	key, shared, loss string
	mode              func(project.Service) string
}{
	{"network_mode", "the network", "would lose it for good", func(s project.Service) string { return s.NetworkMode }},
	{"ipc", "the shared memory", "would keep the old one for good", func(s project.Service) string { return s.IPCMode }},
	{"pid", "the processes", "would be killed with them", func(s project.Service) string { return s.PIDMode }},
}

// checkNamespaces refuses to replace or restart a container while another one
// runs in a namespace of its: that one would be left without, and would still be
// said to run.
func (p *Planner) checkNamespaces() error {
	for _, w := range p.work {
		if !p.running(w.service) || !p.touches(w) {
			continue
		}
		for _, n := range namespaces {
			var inside []string
			for _, s := range p.project.Services {
				if n.mode(s) == "service:"+w.service.Name && p.running(s) {
					inside = append(inside, s.Name)
				}
			}
			if len(inside) == 0 {
				continue
			}
			return &RefusedError{
				Reason: fmt.Sprintf("%s shares %s of %s (%s: service:%s) and %s when that is replaced",
					strings.Join(inside, ", "), n.shared, w.service.Name, n.key, w.service.Name, n.loss),
				Instead: fmt.Sprintf("docker compose up -d %s %s replaces both, with a gap; gapless update SERVICE goes on with the others", w.service.Name, strings.Join(inside, " ")),
			}
		}
	}
	return nil
}

// touches tells whether containers of the service stop: they are replaced,
// taken out or restarted.
func (p *Planner) touches(w work) bool {
	if p.onlyStatic(w) || p.rereads(w) {
		return false
	}
	stops := append(slices.Clone(w.change.Replace), w.change.Surplus...)
	return len(w.change.Causes) == 0 && w.service.Reload == nil || slices.ContainsFunc(p.state.ContainersOf(w.service.Name), func(c Container) bool {
		return c.Running && slices.Contains(stops, c.Name)
	})
}
