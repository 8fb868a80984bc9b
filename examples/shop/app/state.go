package main

import (
	"strings"
	"sync"
	"time"
)

// lease is how long a worker may keep a job before another one gets it.
const lease = 30 * time.Second

// state holds the views of the journal: all entries, the newest value of each
// key, and the jobs that are not done.
type state struct {
	mutex   sync.Mutex
	entries []Entry
	byID    map[string][]int
	keys    map[string]string
	open    map[string]time.Time // job -> end of its lease, zero when free
	queue   []string
	arrived chan struct{}
}

func newState() *state {
	return &state{
		byID:    map[string][]int{},
		keys:    map[string]string{},
		open:    map[string]time.Time{},
		arrived: make(chan struct{}, 1),
	}
}

func (s *state) apply(entries []Entry) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, entry := range entries {
		s.byID[entry.ID] = append(s.byID[entry.ID], len(s.entries))
		s.entries = append(s.entries, entry)
		switch entry.Kind {
		case keySet:
			s.keys[entry.ID] = entry.Value
		case jobQueued:
			s.open[entry.ID] = time.Time{}
			s.queue = append(s.queue, entry.ID)
			s.signal()
		case jobTaken:
			// Also on replay: a restart of the store must not hand out again
			// what a worker has in hand.
			if _, isOpen := s.open[entry.ID]; isOpen {
				s.open[entry.ID] = entry.At.Add(lease)
			}
		case jobDone:
			delete(s.open, entry.ID)
		}
	}
}

func (s *state) signal() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// take leases at most limit free jobs.
func (s *state) take(limit int, now time.Time) []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.expire(now)
	var taken []string
	for len(s.queue) > 0 && len(taken) < limit {
		id := s.queue[0]
		s.queue = s.queue[1:]
		if end, isOpen := s.open[id]; !isOpen || end.After(now) {
			continue
		}
		s.open[id] = now.Add(lease)
		taken = append(taken, id)
	}
	if len(s.queue) > 0 {
		s.signal()
	}
	return taken
}

// expire puts the jobs of workers that went away back into the queue.
func (s *state) expire(now time.Time) {
	for id, end := range s.open {
		if !end.IsZero() && !end.After(now) {
			s.open[id] = time.Time{}
			s.queue = append(s.queue, id)
		}
	}
}

func (s *state) key(name string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.keys[name]
}

func (s *state) withID(id string) []Entry {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var found []Entry
	for _, index := range s.byID[id] {
		found = append(found, s.entries[index])
	}
	return found
}

// after returns the entries with a higher number than seq whose id begins
// with prefix.
func (s *state) after(seq int64, prefix string) []Entry {
	s.mutex.Lock()
	all := s.entries
	s.mutex.Unlock()
	var found []Entry
	for _, entry := range all {
		if entry.Seq > seq && strings.HasPrefix(entry.ID, prefix) {
			found = append(found, entry)
		}
	}
	return found
}
