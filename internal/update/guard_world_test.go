package update

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// fakeDatabase is a Postgres on which a migration works.
type fakeDatabase struct {
	readers   int  // tries that meet somebody who holds the lock
	cutOff    int  // tries that others wait for, until they are cancelled
	half      bool // a try that fails leaves an invalid index
	busy      int  // attempts to sweep that meet somebody at work on the table
	indexes   map[string]bool
	sessions  int             // of containers that are gone
	owner     string          // of the lock of whoever migrates, if it is not this process
	away      int             // attempts to open a session that fail
	timeouts  []time.Duration // of the tries
	logs      map[string][]string
	cancelled bool
}

func newFakeDatabase() *fakeDatabase {
	return &fakeDatabase{indexes: map[string]bool{"1": true, "2": false}, logs: map[string][]string{}}
}

// beginTry is what the migration of a container meets; ended tells whether it
// fails at once.
func (d *fakeDatabase) beginTry(c *Container) (ended bool) {
	if d.readers > 0 {
		d.readers--
		d.fail(c, "ERROR:  canceling statement due to lock timeout")
		return true
	}
	return false
}

func (d *fakeDatabase) fail(c *Container, line string) {
	c.Running, c.Addresses, c.ExitCode = false, nil, 1
	d.logs[c.Name] = []string{line}
	if d.half {
		d.indexes["half"], d.sessions = false, 1
	}
}

// summary leaves out nothing that a user would find.
func (d *fakeDatabase) summary() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(d.indexes)) {
		lines = append(lines, fmt.Sprintf("index %s valid=%t", name, d.indexes[name]))
	}
	return append(lines, fmt.Sprintf("%d sessions left", d.sessions))
}

type fakeDatabases struct{ w *world }

func (f fakeDatabases) Open(_ context.Context, of PostgresDatabase) (DatabaseSession, error) {
	err := f.w.call("open "+of.Container, func() error {
		if f.w.database.away > 0 {
			f.w.database.away--
			return errors.New("the database is starting up")
		}
		return nil
	})
	return fakeSession{f.w, f.w.database}, err
}

type fakeSession struct {
	w *world
	d *fakeDatabase
}

func (f fakeSession) TryLock(context.Context) (got bool, err error) {
	return f.d.owner == "", f.w.call("lock migrations", func() error { return nil })
}

func (f fakeSession) Indexes(context.Context) (found []string, err error) {
	return slices.Sorted(maps.Keys(f.d.indexes)), f.w.call("list indexes", func() error { return nil })
}

func (f fakeSession) Waits(_ context.Context, application string) (waits Waits, err error) {
	err = f.w.call("look who waits", func() error {
		if f.d.cutOff > 0 && f.w.migrating() != nil {
			waits.Behind = []DatabaseClient{{PID: 7, Application: "web", State: "active"}}
			waits.Before = []DatabaseClient{{PID: 6, State: "active"}, {PID: 8, State: "idle in transaction", Open: time.Minute}}
		}
		return nil
	})
	return waits, err
}

func (f fakeSession) Cancel(context.Context, string) error {
	return f.w.call("cancel migration", func() error {
		if c := f.w.migrating(); c != nil {
			f.d.cutOff--
			f.d.fail(c, "ERROR:  canceling statement due to user request")
		}
		return nil
	})
}

func (f fakeSession) End(_ context.Context, application string) (left int, err error) {
	err = f.w.call("end sessions", func() error {
		if f.w.migrating() != nil {
			f.w.violations = append(f.w.violations, "the sessions of a migration were ended while it ran")
		}
		left, f.d.sessions = f.d.sessions, 0
		return nil
	})
	return left, err
}

func (f fakeSession) DropInvalid(_ context.Context, known []string) (dropped, spared []string, err error) {
	err = f.w.call("drop invalid", func() error {
		for name, valid := range f.d.indexes {
			switch {
			case valid || slices.Contains(known, name):
			case f.d.busy > 0:
				f.d.busy--
				spared = append(spared, name)
			default:
				delete(f.d.indexes, name)
				dropped = append(dropped, name)
			}
		}
		return nil
	})
	return dropped, spared, err
}

func (f fakeSession) Invalid(context.Context) (found []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(f.d.indexes)) {
		if !f.d.indexes[name] {
			found = append(found, name)
		}
	}
	return found, f.w.call("list invalid", func() error { return nil })
}

func (f fakeSession) OpenLonger(context.Context, time.Duration) ([]DatabaseClient, error) {
	return []DatabaseClient{{PID: 9, Application: "report", State: "active", Open: time.Hour}}, f.w.call("look for long ones", func() error { return nil })
}

func (f fakeSession) Close() {}

// migrating is the container of a migration that runs; nil if none does.
func (w *world) migrating() *Container {
	for name, command := range w.commands {
		if c := w.containers[name]; c != nil && c.Running && strings.HasPrefix(command[0], "migrate") {
			return c
		}
	}
	return nil
}

// noteSession notes how long a try may wait, and that no other one runs.
func (w *world) noteSession(spec CreateSpec) {
	if spec.Session == nil {
		return
	}
	w.database.timeouts = append(w.database.timeouts, spec.Session.LockTimeout)
	if w.migrating() != nil {
		w.violations = append(w.violations, "two migrations run at once")
	}
}
