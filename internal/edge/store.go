package edge

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gapless/internal/edge/wire"
)

// Reasons to refuse a change. The control socket turns them into codes.
var (
	errInvalid  = errors.New("invalid configuration")
	errConflict = errors.New("conflict")
	errBind     = errors.New("cannot listen")
	errUnknown  = errors.New("unknown")
	errPersist  = errors.New("cannot save the snapshot")
	errOutdated = errors.New("changed by somebody else meanwhile")
)

// store is what the projects want. Changes are made one after the other; each ends
// with a new snapshot, and a refused one changes nothing.
type store struct {
	mu         sync.Mutex
	generation uint64
	projects   map[string]wire.ProjectConfig
	holds      map[string]*hold
	// unverified are projects loaded after a reboot of the host.
	unverified map[string]bool
	disabled   []string
	services   map[serviceKey]*serviceState
	targets    map[targetKey]*target
	counters   map[counterKey]*counters
}

type counterKey struct {
	serviceKey
	generation string
}

func newStore() *store {
	return &store{
		projects: map[string]wire.ProjectConfig{}, holds: map[string]*hold{},
		unverified: map[string]bool{}, services: map[serviceKey]*serviceState{},
		targets: map[targetKey]*target{}, counters: map[counterKey]*counters{},
	}
}

// put replaces one project.
func (e *Edge) put(config wire.ProjectConfig, wait bool, maxWait time.Duration) (uint64, error) {
	return e.putIf(0, config, wait, maxWait)
}

// putIf replaces one project unless something changed since the generation. With 0 it
// replaces it in any case.
func (e *Edge) putIf(generation uint64, config wire.ProjectConfig, wait bool, maxWait time.Duration) (uint64, error) {
	if err := validate(config); err != nil {
		return 0, fmt.Errorf("%w: %w", errInvalid, err)
	}
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation != 0 && generation != s.generation {
		return 0, fmt.Errorf("%w: at generation %d, not at %d", errOutdated, s.generation, generation)
	}
	projects := maps.Clone(s.projects)
	projects[config.Project] = config
	if err := conflicts(projects); err != nil {
		return 0, err
	}
	if err := e.listeners.ensure(config.Listeners, wait, maxWait); err != nil {
		return 0, fmt.Errorf("%w: %w", errBind, err)
	}
	unverified := maps.Clone(s.unverified)
	delete(unverified, config.Project)
	return e.commit(projects, unverified)
}

// remove forgets one project.
func (e *Edge) remove(project string) (uint64, error) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.projects[project]; !known {
		return 0, fmt.Errorf("%w project %q", errUnknown, project)
	}
	projects, unverified := maps.Clone(s.projects), maps.Clone(s.unverified)
	delete(projects, project)
	delete(unverified, project)
	for lease, h := range s.holds {
		if h.project == project {
			h.stop()
			delete(s.holds, lease)
		}
	}
	return e.commit(projects, unverified)
}

// commit saves first and publishes then: what was acknowledged survives a restart.
func (e *Edge) commit(projects map[string]wire.ProjectConfig, unverified map[string]bool) (uint64, error) {
	s := e.store
	next := s.saved(s.generation+1, projects)
	if err := e.files.write(next); err != nil {
		e.listeners.keepOnly(wantedListeners(s.projects))
		return 0, fmt.Errorf("%w: %w", errPersist, err)
	}
	s.generation++
	s.projects, s.unverified = projects, unverified
	e.publish()
	e.listeners.keepOnly(wantedListeners(projects))
	return s.generation, nil
}

// conflicts refuses two services that answer for the same host and path.
func conflicts(projects map[string]wire.ProjectConfig) error {
	owners := map[routeClaim][2]string{}
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		config := projects[name]
		for _, s := range config.Services {
			for _, claimed := range claimsOf(config, s) {
				owner, taken := owners[claimed]
				if !taken {
					owners[claimed] = [2]string{name, s.Name}
					continue
				}
				return fmt.Errorf("%w: %s is claimed by project %q (service %q) and project %q (service %q)",
					errConflict, claimed, owner[0], owner[1], name, s.Name)
			}
		}
	}
	return nil
}

func wantedListeners(projects map[string]wire.ProjectConfig) map[string][]netip.Prefix {
	wanted := map[string][]netip.Prefix{}
	for _, config := range projects {
		for _, l := range config.Listeners {
			key := listenerKey(l.Network, l.Address)
			prefixes := wanted[key]
			for _, cidr := range l.TrustedProxies {
				if prefix, err := netip.ParsePrefix(cidr); err == nil {
					prefixes = append(prefixes, prefix)
				}
			}
			wanted[key] = prefixes
		}
	}
	return wanted
}
