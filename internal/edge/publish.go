package edge

import (
	"slices"
	"time"

	"gapless/internal/edge/wire"
)

// publish builds a snapshot of what is wanted and puts it in force. The order keeps
// claims exact: targets that get requests again are opened before the swap, those that
// get none any more are closed after it. From then on a request that still holds the
// former snapshot fails its claim and looks again, so once a closed target's count is
// seen at zero it stays zero.
func (e *Edge) publish() {
	s := e.store
	next := &snapshot{
		generation: s.generation, tables: map[string]*table{},
		services: map[serviceKey]*service{}, superseded: make(chan struct{}),
	}
	claimable, named := map[*target]bool{}, map[*target]bool{}
	for _, config := range s.projects {
		for _, wanted := range config.Services {
			built := s.build(config, wanted)
			next.services[built.state.key] = built
			for _, claimed := range claimsOf(config, wanted) {
				if next.tables[claimed.listener] == nil {
					next.tables[claimed.listener] = newTable()
				}
				next.tables[claimed.listener].add(claimed.host, route{claimed.prefix, built})
			}
			for _, c := range built.probed {
				named[c.target] = true
				claimable[c.target] = c.weight > 0 && built.closed() == causeNone
			}
		}
	}
	for t := range claimable {
		if claimable[t] {
			t.undrain()
		}
	}
	previous := e.current.Swap(next)
	for _, t := range s.targets {
		if !claimable[t] {
			t.drain()
		}
	}
	close(previous.superseded)
	s.forget(named)
	for _, state := range s.services {
		e.letGo(state, previous.services[state.key])
	}
}

// letGo releases the parked requests of a service that takes requests again, or that
// is gone, or that answers them with a page: they look up their route anew.
func (e *Edge) letGo(state *serviceState, former *service) {
	present := e.present(state.key)
	state.notePaging(present != nil && present.answersPages(), time.Now())
	if present != nil && present.maintenance != nil && (former == nil || former.maintenance == nil) {
		// The edge cannot tell those in the queue that are served all the same: all go
		// and look, and these line up again.
		state.queue.flush()
	}
	state.queue.release(
		func() bool { return e.parking(state.key) != causeNone },
		func() int64 {
			if present := e.current.Load().services[state.key]; present != nil {
				return present.inFlight()
			}
			return 0
		})
}

func (s *store) build(config wire.ProjectConfig, wanted wire.Service) *service {
	key := serviceKey{config.Project, wanted.Name}
	state := s.services[key]
	if state == nil {
		state = &serviceState{key: key}
		s.services[key] = state
	}
	held, holdPage, paging := s.holding(key)
	built := &service{
		state: state, limits: withDefaults(wanted.Limits),
		held: wanted.Held || held, unverified: s.unverified[config.Project],
		holdPage: holdPage, paging: paging, maintenance: newMaintenance(config.Maintenance, wanted.HealthPath),
	}
	for _, w := range wanted.Targets {
		if w.Absent {
			continue
		}
		c := choice{target: s.target(key, w), counters: s.countersOf(key, w.Generation), weight: w.Weight}
		built.probed = append(built.probed, c)
		if w.Weight > 0 {
			built.choices = append(built.choices, c)
		}
	}
	built.turns = schedule(built.choices)
	return built
}

// target keeps the running side of a target whose identity is the same.
func (s *store) target(key serviceKey, wanted wire.Target) *target {
	identity := targetKey{key.project, key.name, wanted.ID, wanted.Address}
	t := s.targets[identity]
	if t == nil {
		t = &target{key: identity}
		t.word.Store(drainBit)
		s.targets[identity] = t
	}
	return t
}

func (s *store) countersOf(key serviceKey, generation string) *counters {
	n := s.counters[counterKey{key, generation}]
	if n == nil {
		n = &counters{}
		s.counters[counterKey{key, generation}] = n
	}
	return n
}

// maxGenerations bounds how many generations of a service keep their counters.
const maxGenerations = 16

// forget drops what no snapshot names and no request uses any more.
func (s *store) forget(named map[*target]bool) {
	for identity, t := range s.targets {
		if !named[t] && t.inFlight() == 0 {
			delete(s.targets, identity)
		}
	}
	kept := map[serviceKey]map[string]bool{}
	for _, config := range s.projects {
		for _, w := range config.Services {
			key := serviceKey{config.Project, w.Name}
			kept[key] = map[string]bool{}
			for _, t := range w.Targets {
				kept[key][t.Generation] = true
			}
		}
	}
	for key := range s.services {
		if kept[key] == nil && s.services[key].queue.count.Load() == 0 {
			delete(s.services, key)
		}
	}
	s.forgetCounters(kept)
}

func (s *store) forgetCounters(kept map[serviceKey]map[string]bool) {
	old := map[serviceKey][]counterKey{}
	for key := range s.counters {
		if !kept[key.serviceKey][key.generation] {
			old[key.serviceKey] = append(old[key.serviceKey], key)
		}
	}
	for service, keys := range old {
		if kept[service] == nil {
			for _, key := range keys {
				delete(s.counters, key)
			}
			continue
		}
		slices.SortFunc(keys, func(a, b counterKey) int {
			return int(s.counters[a].last.Load()/1e9 - s.counters[b].last.Load()/1e9)
		})
		for len(keys) > maxGenerations {
			delete(s.counters, keys[0])
			keys = keys[1:]
		}
	}
}
