package update

import "fmt"

const (
	// memoryReserve stays free for the kernel and everybody else.
	memoryReserve = 64 << 20
	// connectionReserve stays free for who else connects meanwhile: a migration,
	// a backup, an administrator.
	connectionReserve = 3
)

// pool is something that there is only so much of and that every container of
// a service takes a share of: memory, the connections of a database.
type pool struct {
	free    int64            // forecast at this point of the plan
	reserve int64            // of that, what nobody shall take
	copies  map[string]int64 // what one more container takes, by service; none: not known
	words   poolWords
}

// poolWords says how much of a pool there is.
type poolWords interface {
	amount(n int64) string // "100 MiB", "8 connections of db"
	part(n int64) string   // the same where it was said of what
	// room says what there is, and what is left of it by those who need so much.
	room(free, need int64) string
	// kept says what of that stays in reserve.
	kept(reserve int64) string
}

// share is what a number of containers takes of each pool.
type share []int64

// shareOf is what more containers of a service take of each pool.
func (p *Planner) shareOf(serviceName string, containers int) share {
	var taken share
	for _, l := range p.pools {
		taken = append(taken, l.copies[serviceName]*int64(containers))
	}
	return taken
}

// and is both shares together; nil is nothing.
func (s share) and(other share) share {
	if s == nil {
		return other
	}
	both := append(share{}, s...)
	for i := range other {
		both[i] += other[i]
	}
	return both
}

// lacking finds the first pool in which something more does not fit beside what
// is taken already; nil if all have room.
func (p *Planner) lacking(taken, more share) (lacks *pool, together int64) {
	for i := range p.pools {
		l := &p.pools[i]
		if i >= len(more) || more[i] == 0 {
			continue
		}
		together = more[i]
		if taken != nil {
			together += taken[i]
		}
		if together+l.reserve > l.free {
			return l, together
		}
	}
	return nil, 0
}

// narrowestMemory is what a share takes of the memory that has least of it left.
func (p *Planner) narrowestMemory(s share) (need, free int64) {
	for i, l := range p.pools {
		if _, other := l.words.(connections); !other && s[i] > 0 && (need == 0 || l.free < free) {
			need, free = s[i], l.free
		}
	}
	return need, free
}

// without lists the pools after something was taken.
func without(pools []pool, taken share) []pool {
	left := append([]pool{}, pools...)
	for i := range taken {
		left[i].free -= taken[i]
	}
	return left
}

// room says what a pool has for those who need so much.
func (l *pool) room(need int64) string { return l.words.room(l.free, need) }

// roomAndReserve says too what of that nobody shall take.
func (l *pool) roomAndReserve(need int64) string {
	return l.room(need) + ", " + l.words.kept(l.reserve)
}

type hostMemory struct{}

func (hostMemory) amount(n int64) string     { return BytesText(n) }
func (hostMemory) part(n int64) string       { return BytesText(n) }
func (hostMemory) room(free, _ int64) string { return BytesText(free) + " are available" }
func (hostMemory) kept(reserve int64) string {
	return "of which " + BytesText(reserve) + " stay in reserve"
}

type groupMemory struct{ MemoryGroup }

func (groupMemory) amount(n int64) string { return BytesText(n) }
func (groupMemory) part(n int64) string   { return BytesText(n) }
func (g groupMemory) room(free, _ int64) string {
	return fmt.Sprintf("%s of %s are available in control group %s", BytesText(free), BytesText(g.LimitBytes), g.Path)
}
func (groupMemory) kept(reserve int64) string { return hostMemory{}.kept(reserve) }

type connections struct{ Database }

func (c connections) amount(n int64) string {
	return counted(int(n), "connection") + " of " + c.Service
}
func (c connections) part(n int64) string { return fmt.Sprint(n) }
func (c connections) room(free, need int64) string {
	now := c.Limit - int(free)
	return fmt.Sprintf("%d of %d now, %d at the peak", now, c.Limit, now+int(need))
}
func (connections) kept(reserve int64) string {
	return fmt.Sprintf("and %d stay in reserve", reserve)
}
