package health

import "maps"

// Asked counts the requests of a monitor that were answered, for whoever counts
// them as well.
type Asked struct{ Answered, Failed uint64 }

// Asked is what was asked so far, by service.
func (m *Monitor) Asked() map[string]Asked {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.asked)
}

// Slow makes the monitor ask rarely: while a version is compared with another one,
// its own requests must not be what is compared.
func (m *Monitor) Slow(yes bool) { m.slow.Store(yes) }

// count notes an answer; one with an error of the server counts as failed wherever
// it is counted.
func (m *Monitor) count(service string, status int) {
	if status == 0 {
		return
	}
	asked := m.asked[service]
	asked.Answered++
	if status >= 500 {
		asked.Failed++
	}
	m.asked[service] = asked
}
