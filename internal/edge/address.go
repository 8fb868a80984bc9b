package edge

import (
	"fmt"
	"maps"
	"net"
	"slices"

	"gapless/internal/edge/wire"
)

// readdress moves the targets of a project to where their containers are now. The
// project counts as verified afterwards. Where nothing differs, nothing is saved.
func (e *Edge) readdress(project string, addresses map[string]string) (uint64, error) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	config, known := s.projects[project]
	if !known {
		return 0, fmt.Errorf("%w project %q", errUnknown, project)
	}
	moved, changed := readdressed(config, addresses)
	if !changed && !s.unverified[project] {
		return s.generation, nil
	}
	if err := validate(moved); err != nil {
		return 0, fmt.Errorf("%w: %w", errInvalid, err)
	}
	projects, unverified := maps.Clone(s.projects), maps.Clone(s.unverified)
	projects[project] = moved
	delete(unverified, project)
	return e.commit(projects, unverified)
}

// readdressed returns the configuration with the new addresses.
func readdressed(config wire.ProjectConfig, addresses map[string]string) (moved wire.ProjectConfig, changed bool) {
	moved = config
	moved.Services = slices.Clone(config.Services)
	for i, service := range moved.Services {
		targets := slices.Clone(service.Targets)
		for j, t := range targets {
			ip, named := addresses[t.ID]
			if !named {
				continue
			}
			t.Absent = ip == ""
			if _, port, err := net.SplitHostPort(t.Address); err == nil && ip != "" {
				t.Address = net.JoinHostPort(ip, port)
			}
			changed = changed || t != targets[j]
			targets[j] = t
		}
		moved.Services[i].Targets = targets
	}
	return moved, changed
}
