package front

import (
	"maps"
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

// and joins what two looks at one nginx saw.
func (g generation) and(other generation) generation {
	all := generation{master: g.master, workers: map[worker]bool{}, leaving: map[worker]bool{}}
	for _, one := range []generation{g, other} {
		maps.Copy(all.workers, one.workers)
		maps.Copy(all.leaving, one.leaving)
	}
	return all
}

// stillOf counts the workers of before, leaving or not.
func (g generation) stillOf(before generation) int {
	past := maps.Clone(before.workers)
	maps.Copy(past, before.leaving)
	count := 0
	for one := range past {
		if g.workers[one] || g.leaving[one] {
			count++
		}
	}
	return count
}
