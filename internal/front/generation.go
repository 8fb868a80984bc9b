package front

import (
	"strings"

	"gapless/internal/update"
)

// What nginx's processes call themselves.
const (
	masterTitle   = "nginx: master process"
	workerTitle   = "nginx: worker process"
	shuttingTitle = "nginx: worker process is shutting down"
)

// worker is one process for all time: numbers are used again.
type worker struct {
	pid     int
	started uint64
}

// generation is an nginx at one moment.
type generation struct {
	master  int // 0: none
	workers map[worker]bool
	leaving map[worker]bool // finish what they have and end
}

func generationOf(processes []update.Process) generation {
	g := generation{workers: map[worker]bool{}, leaving: map[worker]bool{}}
	for _, p := range processes {
		if strings.HasPrefix(p.Title, masterTitle) {
			g.master = p.PID
			break
		}
	}
	for _, p := range processes {
		switch one := (worker{p.PID, p.Started}); {
		case g.master == 0 || p.Parent != g.master:
		case strings.HasPrefix(p.Title, shuttingTitle):
			g.leaving[one] = true
		case strings.HasPrefix(p.Title, workerTitle):
			g.workers[one] = true
		}
	}
	return g
}

// replaces tells whether there are workers, and none of those of before takes
// new connections.
func (g generation) replaces(before generation) bool {
	for one := range before.workers {
		if g.workers[one] {
			return false
		}
	}
	return len(g.workers) > 0
}

// stillOf counts the workers of before, leaving or not.
func (g generation) stillOf(before generation) int {
	count := 0
	for _, past := range []map[worker]bool{before.workers, before.leaving} {
		for one := range past {
			if g.workers[one] || g.leaving[one] {
				count++
			}
		}
	}
	return count
}
