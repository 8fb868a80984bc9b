package migrate

import (
	"fmt"
	"maps"
	"slices"

	"gapless/internal/migrate/ddl"
	"gapless/internal/update"
)

// effect is what one statement does to tables that were there before: as the
// shadow saw it, else as the statement says.
type effect struct {
	locks            []update.TableLock
	rewrite, scan    *bool // nil: not known
	rewrites, scans  []string
	slow             bool // somebody waits while a table is written anew or read
	disagreements    []string
	lockNotKnownHere bool
}

// locksNames are the locks of Postgres by strength.
var lockRanks = []string{"none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

func rank(lock string) int { return slices.Index(lockRanks, lock) }

// stops tells whether somebody waits for who holds the lock.
func stops(lock string) bool { return rank(lock) >= rank("SHARE") }

func (s sight) effect(static ddl.Statement, seen tracedStatement) effect {
	if !seen.Seen {
		return s.written(static)
	}
	if static.Transaction == ddl.Forbidden {
		// It commits in between: the server has let go of its lock when it says so.
		e := s.written(static)
		e.scans, e.scan, e.slow = seen.Scans, truth(len(seen.Scans) > 0), false
		return e
	}
	e := effect{rewrites: seen.Rewrites, scans: seen.Scans, rewrite: truth(len(seen.Rewrites) > 0), scan: truth(len(seen.Scans) > 0)}
	for _, table := range slices.Sorted(maps.Keys(seen.Locks)) {
		e.locks = append(e.locks, update.TableLock{Table: table, Lock: strongestOf(seen.Locks[table])})
	}
	for _, lock := range static.Locks {
		// One that its transaction has already is no news to the server.
		name, _ := s.table(lock.Table)
		if slices.Contains(seen.Held[name], lock.Lock.String()) && seen.Locks[name] == nil {
			e.locks = append(e.locks, update.TableLock{Table: name, Lock: lock.Lock.String()})
		}
	}
	for _, held := range seen.Held {
		e.slow = e.slow || len(e.rewrites)+len(e.scans) > 0 && stops(strongestOf(held))
	}
	e.disagreements = s.disagree(static, seen)
	return e
}

// written is the effect by the statement alone.
func (s sight) written(static ddl.Statement) effect {
	e := effect{rewrite: answer(static.Rewrite), scan: answer(static.Scan), lockNotKnownHere: static.Lock == ddl.UnknownLock}
	for _, lock := range static.Locks {
		table, there := lock.Table, true
		if s.first != nil {
			table, there = s.table(lock.Table)
		}
		if !there {
			continue
		}
		e.locks = append(e.locks, update.TableLock{Table: table, Lock: lock.Lock.String()})
		if static.Class&ddl.Slow == 0 {
			continue
		}
		e.slow = true
		if static.Rewrite == ddl.Yes {
			e.rewrites = append(e.rewrites, table)
		} else {
			e.scans = append(e.scans, table)
		}
	}
	return e
}

// disagree lists what the statement alone says otherwise.
func (s sight) disagree(static ddl.Statement, seen tracedStatement) []string {
	var found []string
	say := func(format string, args ...any) {
		found = append(found, static.SQL+": "+fmt.Sprintf(format, args...))
	}
	for _, lock := range static.Locks {
		table, there := s.table(lock.Table)
		if name := lock.Lock.String(); lock.Lock != ddl.UnknownLock && there && !slices.Contains(seen.Held[table], name) {
			say("%s on %s was expected, and was not taken", name, lock.Table)
		}
	}
	for table, locks := range seen.Locks {
		expected := slices.ContainsFunc(static.Locks, func(l ddl.TableLock) bool {
			name, _ := s.table(l.Table)
			return name == table
		})
		if strongest := strongestOf(locks); !expected && stops(strongest) && static.Class&ddl.Opaque == 0 {
			say("%s on %s was not expected", strongest, table)
		}
	}
	if static.Class&ddl.Opaque == 0 {
		if expected := static.Rewrite; expected != ddl.Unknown && (expected == ddl.Yes) != (len(seen.Rewrites) > 0) && s.touchesOld(static) {
			say("rewrite: %t, and not as expected", len(seen.Rewrites) > 0)
		}
		if expected := static.Scan; expected != ddl.Unknown && len(seen.Rewrites) == 0 && (expected == ddl.Yes) != (len(seen.Scans) > 0) && s.touchesOld(static) {
			say("read as a whole: %t, and not as expected", len(seen.Scans) > 0)
		}
	}
	return found
}

// touchesOld tells whether a statement is about tables that were there before.
func (s sight) touchesOld(static ddl.Statement) bool {
	return slices.ContainsFunc(static.Locks, func(l ddl.TableLock) bool { return s.wasThere(l.Table) })
}

func strongestOf(locks []string) string {
	return slices.MaxFunc(locks, func(a, b string) int { return rank(a) - rank(b) })
}

// strongest is the strongest lock of a statement; nil if it is not known.
func strongest(e effect, static ddl.Statement) *string {
	if e.lockNotKnownHere {
		return nil
	}
	name := "none"
	for _, lock := range e.locks {
		if rank(lock.Lock) > rank(name) {
			name = lock.Lock
		}
	}
	return &name
}

func truth(value bool) *bool { return &value }
