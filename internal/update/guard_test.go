package update

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	shopDatabase = PostgresDatabase{Container: "shop-db-1", User: "app", Name: "shop"}
	exclusive    = Judged{Name: "tours/0002_price", Class: ClassSafe, Repeatable: true, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}}
	concurrent   = Judged{Name: "tours/0003_index", Class: ClassSafe, Repeatable: true, Locks: []TableLock{{"tours_tour", "SHARE UPDATE EXCLUSIVE"}}}
)

func guardedTask(migrations ...Judged) *TaskStep {
	step := task(TaskMigrate)
	step.Guard = guardOf(shopDatabase, migrations)
	return step
}

// guardedWorld has a database that the migration meets.
func guardedWorld(change func(*fakeDatabase)) *world {
	w := newWorld()
	w.taskTime = time.Second
	change(w.database)
	return w
}

// How long a migration waits for a lock follows from what the trace saw.
func TestGuardOf(t *testing.T) {
	scan := exclusive
	scan.Scans = []Table{{Name: "tours_tour"}}
	half := exclusive
	half.Repeatable = false
	unknown, unclear, unseen := concurrent, concurrent, concurrent
	unknown.Unknown, unclear.Class, unseen.Locks = []string{"its code reads tours_tour"}, ClassUnknown, nil
	for name, c := range map[string]struct {
		migrations            []Judged
		first, third, last    time.Duration
		repeatable, announced bool
	}{
		"stops readers":  {[]Judged{exclusive}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
		"stops nobody":   {[]Judged{concurrent}, 30 * time.Second, 30 * time.Second, 30 * time.Second, true, false},
		"some of both":   {[]Judged{concurrent, exclusive}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
		"reads a table":  {[]Judged{scan}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, true},
		"no transaction": {[]Judged{exclusive, half}, 2 * time.Second, 2 * time.Second, 2 * time.Second, false, false},
		"nothing known":  {nil, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
		"partly known":   {[]Judged{unknown}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
		"not understood": {[]Judged{concurrent, unclear}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
		"no lock seen":   {[]Judged{unseen}, 200 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second, true, false},
	} {
		g := guardOf(shopDatabase, c.migrations)
		if g.lockTimeoutOf(1) != c.first || g.lockTimeoutOf(3) != c.third || g.lockTimeoutOf(mostTries) != c.last || g.Repeatable != c.repeatable || g.Announced != c.announced {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

// The pauses grow to their limit, and no two are alike for long.
func TestPauses(t *testing.T) {
	g, down := guardOf(shopDatabase, []Judged{exclusive}), guardOf(shopDatabase, []Judged{exclusive})
	down.down()
	for try := 1; try <= mostTries; try++ {
		if pause := down.pauseAfter(try); pause > longestDownPause || down.lockTimeoutOf(try) != longestLockTimeout {
			t.Errorf("after try %d of one that requests wait for: %s, %s", try, pause, down.lockTimeoutOf(try))
		}
		if pause := g.pauseAfter(try); pause < firstPause/2 || pause > longestPause || try >= 10 && pause < longestPause/2 {
			t.Errorf("after try %d: %s", try, pause)
		}
	}
}

// A migration that gets no lock is made again, each time by a container of its
// own, and what a try left is swept before the next.
func TestMigrationTriesAgain(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.readers, d.half = 3, true })
	if err := guardedTask(exclusive).Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 600 * time.Millisecond, 800 * time.Millisecond}
	if !slices.Equal(w.database.timeouts, want) || len(w.containers) != 0 || len(w.violations) != 0 {
		t.Errorf("timeouts %v, left %v, %v", w.database.timeouts, w.containers, w.violations)
	}
	if got := strings.Join(w.database.summary(), "; "); got != "index 1 valid=true; index 2 valid=false; 0 sessions left" {
		t.Error(got)
	}
	said := strings.Join(w.notices, "\n")
	for _, want := range []string{"may have to wait for pid 9 (report, active, transaction open for 60 min", "got no lock within 600 ms; try 4 of 30", "dropped the invalid index that the migration left: half", "not valid before the migration, and left as it is: the index 2"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

// One that never gets its lock is given up, after so many tries or so much time,
// and the error names who had it.
func TestMigrationGivesUp(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.readers = 1000 })
	began := w.now
	err := guardedTask(exclusive).Do(context.Background(), w.env())
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Tries > mostTries || w.now.Sub(began) > triesLimit+time.Minute || !strings.Contains(err.Error(), "within 2 s, given up after") {
		t.Errorf("%v after %s", err, w.now.Sub(began))
	}
	var gate *GateError
	if !errors.As(err, &gate) || gate.Logs[0] != "ERROR:  canceling statement due to lock timeout" {
		t.Errorf("%+v", gate)
	}
}

// Only what leaves nothing is made again, and only for want of a lock.
func TestMigrationIsNotRepeatedBlindly(t *testing.T) {
	half := exclusive
	half.Repeatable = false
	w := guardedWorld(func(d *fakeDatabase) { d.readers = 1 })
	var locked *LockedError
	if err := guardedTask(half).Do(context.Background(), w.env()); !errors.As(err, &locked) || len(w.ran) != 1 || strings.Contains(err.Error(), "given up") {
		t.Errorf("%v, ran %v", err, w.ran)
	}
	w = guardedWorld(func(*fakeDatabase) {})
	w.failing["migrate"] = true
	if err := guardedTask(exclusive).Do(context.Background(), w.env()); err == nil || errors.As(err, &locked) && locked.Tries > 0 && len(w.ran) > 1 {
		t.Errorf("%v, ran %v", err, w.ran)
	}
}

// Users who wait too long count before the migration, unless it would leave half
// of itself or the plan has said that they wait.
func TestMigrationGivesWay(t *testing.T) {
	half, announced := exclusive, exclusive
	half.Repeatable, announced.Rewrites = false, []Table{{Name: "tours_tour"}}
	for name, c := range map[string]struct {
		migration Judged
		cancels   bool
	}{"all or nothing": {exclusive, true}, "half": {half, false}, "announced": {announced, false}} {
		w := guardedWorld(func(d *fakeDatabase) { d.cutOff = 1 })
		w.taskTime = 5 * time.Second
		if err := guardedTask(c.migration).Do(context.Background(), w.env()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		said := strings.Join(w.notices, "\n")
		if slices.Contains(w.calls, "cancel migration") != c.cancels || (len(w.ran) == 2) != c.cancels ||
			strings.Contains(said, "was cancelled, because others waited for it, waiting for pid 8 (idle in transaction") != c.cancels ||
			strings.Count(said, "pid 7 (web, active, transaction open for 0 ms, last query began 0 ms ago) waits for the migration of api, which is not cut off") > 1 {
			t.Errorf("%s: ran %v\n%s", name, w.ran, said)
		}
	}
}

// No two migrate one database at the same time.
func TestMigrationWaitsForAnother(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.owner = "another" })
	err := guardedTask(exclusive).Do(context.Background(), w.env())
	if !errors.Is(err, ErrMigrating) || len(w.ran) != 0 {
		t.Errorf("%v, ran %v", err, w.ran)
	}
}

// A database that is being restarted is waited for.
func TestMigrationWaitsForItsDatabase(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.away = 5 })
	if err := guardedTask(exclusive).Do(context.Background(), w.env()); err != nil {
		t.Error(err)
	}
}

// Whoever asks to stop does not wait for all tries.
func TestInterruptedBetweenTries(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.readers = 1000 })
	asked := make(chan struct{})
	close(asked)
	env := w.env()
	env.interrupted = asked
	if err := guardedTask(exclusive).Do(context.Background(), env); !errors.Is(err, ErrInterrupted) || len(w.ran) != 1 {
		t.Errorf("%v, ran %v", err, w.ran)
	}
}

// Whoever asks to stop does not wait for another one that migrates either.
func TestInterruptedBeforeTheLock(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.owner = "another" })
	asked := make(chan struct{})
	close(asked)
	env := w.env()
	env.interrupted = asked
	if err := guardedTask(exclusive).Do(context.Background(), env); !errors.Is(err, ErrInterrupted) || len(w.ran) != 0 {
		t.Errorf("%v, ran %v", err, w.ran)
	}
}

// Requests do not wait for more than about a minute.
func TestMigrationWhileDown(t *testing.T) {
	for name, change := range map[string]func(*fakeDatabase){"tries": func(d *fakeDatabase) { d.readers = 1000 }, "another": func(d *fakeDatabase) { d.owner = "another" }} {
		w := guardedWorld(change)
		w.taskTime = 4 * time.Second
		step := guardedTask(exclusive)
		step.Guard.down()
		began := w.now
		err := step.Do(context.Background(), w.env())
		var locked *LockedError
		if !errors.As(err, &locked) && !errors.Is(err, ErrMigrating) || w.now.Sub(began) > downLimit+10*time.Second {
			t.Errorf("%s: %v after %s", name, err, w.now.Sub(began))
		}
	}
}

// An index on whose table somebody works is swept once nobody does, or is named.
func TestSparedIndexIsNamed(t *testing.T) {
	for busy, want := range map[int]string{3: "dropped the invalid index that the migration left: half", 1 << 20: "left because somebody is at work on its table: the index half"} {
		w := guardedWorld(func(d *fakeDatabase) { d.busy, d.indexes["half"] = busy, false })
		env := w.env()
		step := guardedTask(concurrent)
		env.notes = map[string][]string{step.Name: {"1", "2"}}
		if err := step.Do(context.Background(), env); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(w.notices, "\n"); !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

// One that loses its session takes the lock again before another try.
func TestMigrationTakesItsLockAgain(t *testing.T) {
	w := guardedWorld(func(d *fakeDatabase) { d.readers = 1 })
	g := guardedTask(exclusive).guarded(w.env())
	for range 2 {
		if err := g.lock(context.Background()); err != nil || !g.locked {
			t.Fatal(err)
		}
		g.close()
	}
	w.database.owner = "another"
	if err := g.lock(context.Background()); !errors.Is(err, ErrMigrating) {
		t.Error(err)
	}
}

// TestKillGuardedMigrations kills the process at every contact with the world,
// the resume as well: no invalid index and no session of a dead client is left,
// and no migration runs beside another.
func TestKillGuardedMigrations(t *testing.T) {
	for name, prepare := range map[string]func(*fakeDatabase){
		"at once":     func(*fakeDatabase) {},
		"tries again": func(d *fakeDatabase) { d.readers, d.half = 2, true },
		"gives way":   func(d *fakeDatabase) { d.cutOff, d.half = 1, true },
		"starting up": func(d *fakeDatabase) { d.away = 1 },
	} {
		s := taskScenario(t, guardedTask(exclusive), task(TaskStatic))
		s.taskTime, s.prepare = 3*time.Second, prepare
		t.Run(name, s.killEverywhere)
	}
}

// A migration is guarded where the database is known, is judged by a trace and
// stays as it is.
func TestGuardNeedsADatabase(t *testing.T) {
	untraced := func(s *scenario) { s.judged.Source = JudgedBySQL }
	for name, c := range map[string]struct {
		change func(*scenario)
		want   bool
	}{
		"known":     {func(*scenario) {}, true},
		"not known": {func(s *scenario) { s.judged.Database = nil }, false},
		"untraced":  {untraced, false},
		"replaced":  {func(s *scenario) { s.judged.Database = &PostgresDatabase{Container: "shop-worker-1"} }, false},
	} {
		s := judgedScenario(name, Options{}, nil, exclusive)
		s.judged.Database = &shopDatabase
		c.change(&s)
		_, plan := s.must(t)
		for _, step := range plan.Steps() {
			if one, is := step.(*TaskStep); is && one.Purpose == TaskMigrate && (one.Guard != nil) != c.want {
				t.Errorf("%s: %+v", name, one.Guard)
			}
		}
	}
}
