package edge

import "sync"

// clients are the open connections.
type clients struct {
	mu     sync.Mutex
	open   map[*client]struct{}
	closed bool
}

func (s *clients) add(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.open[c] = struct{}{}
	}
	return !s.closed
}

func (s *clients) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *clients) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *clients) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.wake()
	}
}

func (s *clients) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		abort(c.conn)
	}
}
