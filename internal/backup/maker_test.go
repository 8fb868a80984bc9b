package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func create(t *testing.T, m *Maker) error {
	t.Helper()
	if err := m.Dump(t.Context(), quiet); err != nil {
		return err
	}
	return m.Prove(t.Context(), quiet)
}

func mustCreate(t *testing.T, m *Maker) Stored {
	t.Helper()
	if err := create(t, m); err != nil {
		t.Fatal(err)
	}
	made, err := m.Store.Find(m.ID())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestEveryEndCounts: whatever part of the way fails, there is no backup, and
// what is left can be discarded.
func TestEveryEndCounts(t *testing.T) {
	broken := errors.New("broken")
	for _, step := range []string{"", stepSnapshot, stepDump, stepRead, stepServer, stepCopy, stepAsk} {
		m, engine := newMaker(t)
		if step != "" {
			engine.fails[step] = broken
		}
		err := create(t, m)
		all, listErr := m.Store.List()
		if listErr != nil {
			t.Fatal(listErr)
		}
		if failed := errors.Is(err, broken); failed != (step != "") || (len(all) == 0) != failed {
			t.Errorf("%q fails: %v, and there are %d backups", step, err, len(all))
		}
		kept, err := m.Discard(t.Context())
		left, _ := os.ReadDir(m.Store.Directory())
		if err != nil || kept != (step == "") || len(left) != len(all) {
			t.Errorf("%q fails: discard: %t, %v; left: %v", step, kept, err, left)
		}
	}
}

// TestCopyMustBeTheSame: a copy with other rows proves nothing.
func TestCopyMustBeTheSame(t *testing.T) {
	m, engine := newMaker(t)
	engine.during[stepCopy] = func() { engine.rows["app"] = 2 }
	var difference *DifferenceError
	if err := create(t, m); !errors.As(err, &difference) || !strings.Contains(err.Error(), "table public.item has 2 rows, and had 3") {
		t.Error(err)
	}
	if _, ok := m.Store.Newest(); ok {
		t.Error("it counts")
	}
}

// TestPasswordStaysInAFile: arguments and environments can be seen by others.
func TestPasswordStaysInAFile(t *testing.T) {
	m, engine := newMaker(t)
	mustCreate(t, m)
	inFile := 0
	for _, c := range engine.ran {
		if seen := strings.Join(append(c.Argv, c.Env...), " "); strings.Contains(seen, secret) || strings.Contains(seen, escapePassword(secret)) {
			t.Errorf("%s: %s", c.Name, seen)
		}
		if file := string(c.Files[passwordFile]); file == `*:*:*:*:se\:cr\\et`+"\n" {
			inFile++
		} else if c.Join == "db1" {
			t.Errorf("%s reads %q", c.Name, file)
		}
	}
	if inFile == 0 {
		t.Error("nobody got the password")
	}
}

// TestRestoreChecksFirst: a backup that is not for this server is refused before
// anything is written.
func TestRestoreChecksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Stored)
		says   string
	}{
		"fits":          {func(*Stored) {}, ""},
		"other project": {func(s *Stored) { s.Project = "another" }, "backup of project another, and here is project shop"},
		"other service": {func(s *Stored) { s.Service = "db2" }, "backup of service db2, and here is service db"},
		"other major":   {func(s *Stored) { s.Major = 14 }, "backup of Postgres 14, and the server is Postgres 15"},
		"a role more":   {func(s *Stored) { s.Roles = append(s.Roles, "boss") }, "has no role boss"},
		"truncated":     {func(s *Stored) { cutOff(t, s) }, "is truncated"},
	} {
		m, engine := newMaker(t)
		stored := mustCreate(t, m)
		c.change(&stored)
		engine.ran = nil
		r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
		if c.says == "" && (err != nil || !r.Loses() || r.Replaced[0].Rows != 3) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		for _, ran := range engine.ran {
			if step := stepOf(ran.Name); step != stepAsk && step != stepRead {
				t.Errorf("%s: %s ran", name, ran.Name)
			}
		}
	}
}

func cutOff(t *testing.T, s *Stored) {
	t.Helper()
	if err := os.Truncate(filepath.Join(s.Directory, s.Databases[0].File), 100); err != nil {
		t.Fatal(err)
	}
}

// TestExchangeIsAskedAbout: the names are exchanged or not, whatever became of
// the program that did it; and nobody interrupts it.
func TestExchangeIsAskedAbout(t *testing.T) {
	lost := errors.New("connection lost")
	for name, c := range map[string]struct {
		fails map[string]error
		fresh string
		want  error
	}{
		"it worked":            {nil, "", nil},
		"only its answer lost": {map[string]error{stepSwap: lost}, "0", nil},
		"it did not":           {map[string]error{stepSwap: lost}, "1", lost},
		"nobody knows":         {map[string]error{stepSwap: lost, stepAsk: errors.New("gone")}, "", &UnclearError{}},
	} {
		m, engine := newMaker(t)
		stored := mustCreate(t, m)
		r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		engine.during[stepSwap] = cancel // Ctrl-C while it runs
		engine.fails = c.fails
		engine.says = func(sql string) (string, bool) {
			return c.fresh, strings.Contains(sql, "SELECT count(*) FROM pg_catalog.pg_database")
		}
		err = m.exchange(ctx, r)
		var unclear *UnclearError
		if _, wanted := c.want.(*UnclearError); wanted != errors.As(err, &unclear) || !wanted && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExchangeQuotes: names of databases may be anything.
func TestExchangeQuotes(t *testing.T) {
	r := &Restoration{Stored: Stored{Manifest: Manifest{ID: "x"}}, databases: []target{{Database: Database{Name: `o"ne's`}, fresh: "gapless_restore_1", kept: keptName(`o"ne's`, "x"), exists: true}}}
	script := swapScript(r)
	for _, line := range []string{`ALTER DATABASE "o""ne's" RENAME TO "o""ne's_before_x";`, `ALTER DATABASE "gapless_restore_1" RENAME TO "o""ne's";`, `'o"ne''s'`} {
		if !strings.Contains(script, line) {
			t.Errorf("%s is not in\n%s", line, script)
		}
	}
	if drop := (Replaced{Kept: `o"ne's_before_x`}).Drop(); drop != `DROP DATABASE "o""ne's_before_x"` {
		t.Error(drop)
	}
	if long := keptName(strings.Repeat("ä", 31), "20260102_030405_abcd"); len(long) > longestName || !strings.Contains(long, keptInfix) {
		t.Errorf("%q has %d bytes", long, len(long))
	}
}

// TestProofWithoutItsImage: an image goes when another one comes.
func TestProofWithoutItsImage(t *testing.T) {
	m, engine := newMaker(t)
	stored := mustCreate(t, m)
	engine.images = map[string]bool{}
	if err := m.Verify(t.Context(), stored, nil, quiet); err != nil {
		t.Errorf("the same major version: %v", err)
	}
	stored.Major = 14
	var major *MajorError
	if err := m.Verify(t.Context(), stored, nil, quiet); !errors.As(err, &major) {
		t.Errorf("another one: %v", err)
	}
}

// TestUnusedServer: the database postgres alone, without anything in it, is no
// backup.
func TestUnusedServer(t *testing.T) {
	m, engine := newMaker(t)
	engine.says = func(sql string) (string, bool) {
		switch {
		case strings.Contains(sql, "pg_database_size"):
			return `{"name":"postgres","size":1000}`, true
		case strings.Contains(sql, "pg_export_snapshot"):
			return `{"snapshot":"1","lsn":"0/1","used":false}`, true
		}
		return "", false
	}
	if err := create(t, m); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
}

// TestAnswersAreComparable: settings of a database change how its values are
// written, and a copy has not the same.
func TestAnswersAreComparable(t *testing.T) {
	m, engine := newMaker(t)
	m.Query = "SELECT now()"
	fixed, fresh := false, 0
	engine.says = func(sql string) (string, bool) {
		switch {
		case strings.Contains(sql, `\connect`):
			fixed = false
		case strings.Contains(sql, "SET TimeZone = 'UTC'"):
			fixed, fresh = true, fresh+1
		case strings.Contains(sql, "SELECT now()") && !fixed:
			t.Errorf("asked with the settings of the server: %s", sql)
		}
		return `{"rows":1,"sha256":"x"}`, strings.Contains(sql, "SELECT now()")
	}
	mustCreate(t, m)
	if fresh < 3 {
		t.Errorf("%d sessions were set up", fresh)
	}
}

// TestInterruptedProofReadsNoFurther: the rest of a big file takes long, and
// proves nothing any more.
func TestInterruptedProofReadsNoFurther(t *testing.T) {
	m, engine := newMaker(t)
	if err := m.Dump(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	engine.during[stepRead] = cancel
	var damage *DamageError
	if err := m.Prove(ctx, quiet); !errors.Is(err, context.Canceled) || errors.As(err, &damage) {
		t.Error(err)
	}
	file := filepath.Join(m.Store.partial(m.ID()), "1.dump")
	manifest, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := openDump(ctx, file, manifest.Databases[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.close(); !errors.Is(err, context.Canceled) || r.count.Load() != 0 {
		t.Errorf("%d bytes were read: %v", r.count.Load(), err)
	}
}
