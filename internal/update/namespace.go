package update

import (
	"fmt"
	"slices"
	"strings"
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

// checkNamespaces refuses to replace or restart a container while another one
// runs in its network: that one would be left without any, and would still be
// said to run.
func (p *Planner) checkNamespaces() error {
	for _, w := range p.work {
		if !p.running(w.service) || !p.touches(w) {
			continue
		}
		var inside []string
		for _, s := range p.project.Services {
			if s.NetworkMode == "service:"+w.service.Name && p.running(s) {
				inside = append(inside, s.Name)
			}
		}
		if len(inside) == 0 {
			continue
		}
		names := strings.Join(inside, ", ")
		return &RefusedError{
			Reason:  fmt.Sprintf("%s shares the network of %s (network_mode: service:%s) and would lose it for good when that is replaced", names, w.service.Name, w.service.Name),
			Instead: fmt.Sprintf("docker compose up -d %s %s replaces both, with a gap; gapless update SERVICE goes on with the others", w.service.Name, strings.Join(inside, " ")),
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
