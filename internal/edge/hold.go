package edge

import (
	"fmt"
	"slices"
	"time"

	"gapless/internal/edge/wire"
)

const (
	minLease     = 100 * time.Millisecond
	maxLease     = 10 * time.Minute
	maxPageAfter = 24 * time.Hour
)

// hold parks the requests of some services for as long as its holder renews it.
type hold struct {
	project, lease string
	services       []string
	ttl            time.Duration
	// since is when the hold began; renewals keep it.
	since time.Time
	// page answers instead once the hold is older than pageAfter; nil: none does.
	page      *wire.Page
	pageAfter time.Duration
	// announced is set once a snapshot was published in which the page answers.
	announced bool
	// expiry ends the hold, turn brings its page into force.
	expiry, turn *time.Timer
}

// newHold checks a request for a hold that begins now.
func newHold(project, lease string, request wire.HoldRequest) (*hold, error) {
	h := &hold{
		project: project, lease: lease, services: request.Services, since: time.Now(), page: request.Page,
		ttl:       time.Duration(request.TTLMilliseconds) * time.Millisecond,
		pageAfter: time.Duration(request.PageAfterMilliseconds) * time.Millisecond,
	}
	if h.pageAfter > 0 && h.page == nil {
		h.page = &wire.Page{}
	}
	if !plainName.MatchString(lease) || h.ttl < minLease || h.ttl > maxLease {
		return nil, fmt.Errorf("%w: lease %q needs a plain name and a TTL from %s to %s", errInvalid, lease, minLease, maxLease)
	}
	if h.pageAfter < 0 || h.pageAfter > maxPageAfter {
		return nil, fmt.Errorf("%w: the page of lease %q comes after 0 to %s", errInvalid, lease, maxPageAfter)
	}
	if h.page != nil {
		if err := validatePage(*h.page); err != nil {
			return nil, fmt.Errorf("%w: lease %q: %w", errInvalid, lease, err)
		}
	}
	return h, nil
}

// renews tells whether nothing but the time of expiry differs.
func (h *hold) renews(former *hold) bool {
	samePage := h.page == former.page || h.page != nil && former.page != nil && *h.page == *former.page
	return samePage && h.pageAfter == former.pageAfter && slices.Equal(h.services, former.services)
}

// paging tells whether the page answers by now.
func (h *hold) paging() bool { return h.page != nil && time.Since(h.since) >= h.pageAfter }

func (h *hold) stop() {
	h.expiry.Stop()
	if h.turn != nil {
		h.turn.Stop()
	}
}

func (h *hold) wire() wire.Hold {
	return wire.Hold{
		Project: h.project, Lease: h.lease, Services: h.services, TTLMilliseconds: h.ttl.Milliseconds(),
		SinceUnixMilliseconds: h.since.UnixMilli(), PageAfterMilliseconds: h.pageAfter.Milliseconds(), Paging: h.paging(),
	}
}

// restored is a hold as it was saved. Its lease starts anew, its age goes on.
func (s *savedHold) restored() *hold {
	// The age is kept, so that a clock that is set afterwards does not matter.
	since := time.Now()
	if s.SinceUnixMilliseconds > 0 {
		since = since.Add(-max(0, time.Since(time.UnixMilli(s.SinceUnixMilliseconds))))
	}
	return &hold{
		project: s.Project, lease: s.Lease, services: s.Services, since: since, page: s.Page,
		ttl:       time.Duration(s.TTLMilliseconds) * time.Millisecond,
		pageAfter: time.Duration(s.PageAfterMilliseconds) * time.Millisecond,
	}
}

// holding tells whether a service is held, with which page, and whether the page
// answers by now.
func (s *store) holding(key serviceKey) (held bool, answer *page, paging bool) {
	for _, h := range s.holds {
		if h.project != key.project || len(h.services) > 0 && !slices.Contains(h.services, key.name) {
			continue
		}
		held = true
		if h.page != nil && !paging {
			answer, paging = newPage(*h.page), h.paging()
		}
	}
	return held, answer, paging
}

func holdKey(project, lease string) string { return project + "/" + lease }

// hold takes a hold, or renews it when the lease is known and covers the same services.
func (e *Edge) hold(project, lease string, request wire.HoldRequest) (wire.HoldResponse, error) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := newHold(project, lease, request)
	if err != nil {
		return wire.HoldResponse{}, err
	}
	if err := s.knows(project, request.Services); err != nil {
		return wire.HoldResponse{}, err
	}
	key := holdKey(project, lease)
	former := s.holds[key]
	renewal := false
	if former != nil {
		former.stop()
		if slices.Equal(former.services, h.services) {
			h.since = former.since
		}
		if renewal = h.renews(former); renewal {
			h.announced = former.announced
		}
	}
	s.arm(e, key, h)
	if !renewal {
		s.generation++
		e.publish()
		e.saveHolds()
	}
	return wire.HoldResponse{Generation: s.generation, TTLMilliseconds: h.ttl.Milliseconds()}, nil
}

// arm starts the time of the lease and of the page. The timers know their own hold, so
// a late one cannot touch a hold that was renewed meanwhile.
func (s *store) arm(e *Edge, key string, h *hold) {
	s.holds[key] = h
	h.expiry = time.AfterFunc(h.ttl, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds[key] == h {
			e.log.Warn("lease expired, releasing", "project", h.project, "lease", h.lease)
			e.endHold(key)
		}
	})
	if h.page == nil || h.announced {
		return
	}
	h.turn = time.AfterFunc(h.pageAfter-time.Since(h.since), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds[key] == h {
			h.announced = true
			s.generation++
			e.publish()
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
	e.endHold(key)
	return s.generation, nil
}

func (e *Edge) endHold(key string) {
	e.store.holds[key].stop()
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
