package edge

import (
	"cmp"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"gapless/internal/edge/wire"
)

func (e *Edge) getHealth(*http.Request) (any, error) {
	health := wire.Health{
		Version: e.version, WireVersion: wire.Version, PID: os.Getpid(),
		Leaving: e.leaving.Load(), Listeners: e.listeners.states(),
	}
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	health.Generation = s.generation
	health.Disabled = slices.Clone(s.disabled)
	health.Unverified = slices.Sorted(maps.Keys(s.unverified))
	for name, config := range s.projects {
		if config.Maintenance != nil {
			health.Maintenance = append(health.Maintenance, name)
		}
	}
	slices.Sort(health.Maintenance)
	for _, h := range s.holds {
		health.Holds = append(health.Holds, h.wire())
	}
	slices.SortFunc(health.Listeners, func(a, b wire.ListenerState) int { return cmp.Compare(a.Address, b.Address) })
	return health, nil
}

func (e *Edge) getStats(r *http.Request) (any, error) {
	only := r.URL.Query().Get("project")
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := wire.Stats{Generations: []wire.GenerationStats{}}
	for key, state := range s.services {
		if only == "" || only == key.project {
			stats.Generations = append(stats.Generations, s.statsWithoutTarget(key, state))
		}
	}
	busy := e.busy()
	for key, n := range s.counters {
		if only == "" || only == key.project {
			line := n.read()
			line.Project, line.Service, line.Generation = key.project, key.name, key.generation
			line.InFlight = busy[n]
			stats.Generations = append(stats.Generations, line)
		}
	}
	slices.SortFunc(stats.Generations, func(a, b wire.GenerationStats) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Generation, b.Generation))
	})
	return stats, nil
}

func (s *store) statsWithoutTarget(key serviceKey, state *serviceState) wire.GenerationStats {
	line := state.unclaimed.read()
	line.Project, line.Service = key.project, key.name
	line.Parked = state.queue.count.Load()
	line.PagedMilliseconds = state.paged(time.Now()).Milliseconds()
	return line
}

// busy sums the requests in flight by the counters that they will end in.
func (e *Edge) busy() map[*counters]int64 {
	sums := map[*counters]int64{}
	for _, present := range e.current.Load().services {
		for _, c := range present.probed {
			sums[c.counters] += c.target.inFlight()
		}
	}
	return sums
}
