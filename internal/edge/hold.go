package edge

import (
	"fmt"
	"slices"
	"time"

	"gapless/internal/edge/wire"
)

const (
	minLease = 100 * time.Millisecond
	maxLease = 10 * time.Minute
)

// hold parks the requests of some services for as long as its holder renews it.
type hold struct {
	project, lease string
	services       []string
	ttl            time.Duration
	expires        time.Time
	timer          *time.Timer
}

func (s *store) holding(key serviceKey) bool {
	for _, h := range s.holds {
		if h.project == key.project && (len(h.services) == 0 || slices.Contains(h.services, key.name)) {
			return true
		}
	}
	return false
}

func holdKey(project, lease string) string { return project + "/" + lease }

// hold takes a hold, or renews it when the lease is known and covers the same services.
func (e *Edge) hold(project, lease string, request wire.HoldRequest) (wire.HoldResponse, error) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	ttl := time.Duration(request.TTLMilliseconds) * time.Millisecond
	if !plainName.MatchString(lease) || ttl < minLease || ttl > maxLease {
		return wire.HoldResponse{}, fmt.Errorf("%w: lease %q needs a plain name and a TTL from %s to %s", errInvalid, lease, minLease, maxLease)
	}
	if err := s.knows(project, request.Services); err != nil {
		return wire.HoldResponse{}, err
	}
	key := holdKey(project, lease)
	h := s.holds[key]
	known := h != nil && slices.Equal(h.services, request.Services)
	if h != nil {
		h.timer.Stop()
	}
	h = &hold{project: project, lease: lease, services: request.Services}
	s.arm(e, key, h, ttl)
	if !known {
		s.generation++
		e.publish()
		e.saveHolds()
	}
	return wire.HoldResponse{Generation: s.generation, TTLMilliseconds: ttl.Milliseconds()}, nil
}

// arm starts the lease's time. The timer knows its own hold, so a late one cannot end
// a hold that was renewed meanwhile.
func (s *store) arm(e *Edge, key string, h *hold, ttl time.Duration) {
	h.ttl, h.expires = ttl, time.Now().Add(ttl)
	s.holds[key] = h
	h.timer = time.AfterFunc(ttl, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds[key] == h {
			e.log.Warn("lease expired, releasing", "project", h.project, "lease", h.lease)
			e.endHold(key)
		}
	})
}

func (s *store) knows(project string, services []string) error {
	config, known := s.projects[project]
	if !known {
		return fmt.Errorf("%w project %q", errUnknown, project)
	}
	for _, name := range services {
		if !slices.ContainsFunc(config.Services, func(w wire.Service) bool { return w.Name == name }) {
			return fmt.Errorf("%w service %q in project %q", errUnknown, name, project)
		}
	}
	return nil
}

// release ends a hold before its time.
func (e *Edge) release(project, lease string) (uint64, error) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	key := holdKey(project, lease)
	h := s.holds[key]
	if h == nil {
		return 0, fmt.Errorf("%w lease %q of project %q", errUnknown, lease, project)
	}
	h.timer.Stop()
	e.endHold(key)
	return s.generation, nil
}

func (e *Edge) endHold(key string) {
	delete(e.store.holds, key)
	e.store.generation++
	e.publish()
	e.saveHolds()
}

// saveHolds must not fail a hold or a release: both have to work on a full disk. After
// a restart without them, connecting is retried, which covers the same gap.
func (e *Edge) saveHolds() {
	if err := e.files.write(e.store.saved(e.store.generation, e.store.projects)); err != nil {
		e.log.Error("cannot save the holds", "error", err)
	}
}
