package update

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Guard keeps a migration on a Postgres of the project from making users wait.
// While a migration waits for a lock, everybody who wants the table waits behind
// it; so it gives up soon, and is made again.
type Guard struct {
	Database    PostgresDatabase `json:"database"`
	LockTimeout time.Duration    `json:"lockTimeoutNs"` // of the first try; each further one has as much more
	Most        time.Duration    `json:"mostNs"`        // of any try
	Repeatable  bool             `json:"repeatable,omitempty"`
	// Announced tells that users wait for what it does with the locks it has, as
	// the plan says: it is not cut off for that.
	Announced bool `json:"announced,omitempty"`
	// Down tells that nothing serves meanwhile: requests wait for the migration.
	Down bool `json:"down,omitempty"`
}

// What a guard allows.
const (
	lockTimeout        = 200 * time.Millisecond
	longestLockTimeout = 2 * time.Second
	// gentleLockTimeout is for locks that neither readers nor writers wait behind.
	gentleLockTimeout = 30 * time.Second

	mostTries    = 30
	triesLimit   = 10 * time.Minute // after which no try begins
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second

	// While nothing serves.
	downLimit        = time.Minute // for the lock of whoever migrates and all tries
	longestDownPause = time.Second

	// blockedLimit is how long users may wait for a migration that has its locks.
	blockedLimit = time.Second
	watchEvery   = 250 * time.Millisecond
	// longTransaction is how old one is that a migration may have to wait for.
	longTransaction = 30 * time.Second
	lockPoll        = 500 * time.Millisecond // of the lock of whoever migrates
)

// guardOf is the guard of migrations that one command makes.
func guardOf(database PostgresDatabase, migrations []Judged) *Guard {
	g := &Guard{Database: database, LockTimeout: gentleLockTimeout, Most: gentleLockTimeout, Repeatable: true}
	if len(migrations) == 0 || slices.ContainsFunc(migrations, mayStop) {
		g.LockTimeout, g.Most = lockTimeout, longestLockTimeout
	}
	for _, m := range migrations {
		g.Repeatable = g.Repeatable && m.Repeatable
		g.Announced = g.Announced || len(m.Rewrites)+len(m.Scans) > 0
	}
	if !g.Repeatable {
		g.LockTimeout = g.Most // there is one try
	}
	return g
}

// mayStop tells whether somebody may wait behind a migration that waits: it takes
// such a lock, or which ones it takes is not known.
func mayStop(m Judged) bool {
	return len(m.Unknown) > 0 || m.Class == ClassUnknown || len(m.Locks) == 0 ||
		slices.ContainsFunc(m.Locks, func(l TableLock) bool { return lockRank(l.Lock) >= lockRank("SHARE") })
}

// lockTimeoutOf is how long a try, counted from 1, waits for each lock.
func (g *Guard) lockTimeoutOf(try int) time.Duration {
	return min(time.Duration(try)*g.LockTimeout, g.Most)
}

// pauseAfter is the time to the next try, with jitter: what it collides with may
// come in regular intervals.
func (g *Guard) pauseAfter(try int) time.Duration {
	pause := longestPause
	if g.Down {
		pause = longestDownPause
	}
	if doublings := try - 1; doublings < 10 {
		pause = min(firstPause<<doublings, pause)
	}
	return pause/2 + rand.N(pause/2)
}

// limit is the time after which no try begins.
func (g *Guard) limit() time.Duration {
	if g.Down {
		return downLimit
	}
	return triesLimit
}

// down is the guard of a migration for which requests wait. Nobody serves who
// could be kept waiting by its wait for a lock.
func (g *Guard) down() {
	g.Down, g.LockTimeout = true, g.Most
}

// words is what the line of the step says of it.
func (g *Guard) words() string {
	text := fmt.Sprintf("waits %s for a lock", DurationText(g.LockTimeout))
	if g.Repeatable {
		text += fmt.Sprintf(" and tries again, up to %d times", mostTries)
		if g.Down {
			text += ", for " + DurationText(downLimit)
		}
	}
	return text
}

// lockSigns are how a failure to get a lock reads in the output of a tool.
var lockSigns = []string{"due to lock timeout", "LockNotAvailable", "55P03", "deadlock detected", "40P01"}

// lacksLock tells whether the output of a failed command speaks of a lock.
func lacksLock(lines []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		return slices.ContainsFunc(lockSigns, func(sign string) bool { return strings.Contains(line, sign) })
	})
}

// ErrMigrating says that another session migrates the same database.
var ErrMigrating = errors.New("another gapless migrates this database")

// LockedError says that a migration gave up because of a lock.
type LockedError struct {
	Service string
	Tries   int
	Took    time.Duration
	Waited  time.Duration // for a lock, in the last try
	// Cancelled tells that it had its locks, and users waited for it too long.
	Cancelled  bool
	Before     string // a session that it waited for; empty: none was seen
	Repeatable bool
	Failed     *GateError // with what the last try printed
}

func (e *LockedError) Error() string {
	text := fmt.Sprintf("the migration of %s did not get a lock within %s", e.Service, DurationText(e.Waited))
	if e.Cancelled {
		text = fmt.Sprintf("the migration of %s was cancelled because others waited for it for more than %s", e.Service, DurationText(blockedLimit))
	}
	if e.Repeatable {
		text += fmt.Sprintf(", given up after %s in %s", triesText(e.Tries), DurationText(e.Took))
	}
	if e.Before != "" {
		text += "; it waited for " + e.Before
	}
	return text
}

func triesText(tries int) string {
	if tries == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", tries)
}

// Unwrap gives the output of the last try.
func (e *LockedError) Unwrap() error { return e.Failed }

// Hint tells what to do about it.
func (e *LockedError) Hint() string {
	if !e.Repeatable {
		return "it is not one transaction, so it was not tried again: look at what it has left, then update when its tables are used less"
	}
	return "end the transaction that holds the lock, or update when its tables are used less"
}
