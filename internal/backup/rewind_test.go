package backup

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// server answers as one whose databases are known by name.
type server struct {
	names   map[string]bool
	written string // to the filled ones
	dropped []string
}

// says answers what the fake engine does not.
func (v *server) says(sql string) (string, bool) {
	switch {
	case strings.HasSuffix(strings.TrimSpace(sql), "SELECT to_json(datname) FROM pg_catalog.pg_database\n;"):
		var lines []string
		for name := range v.names {
			lines = append(lines, `"`+strings.ReplaceAll(name, `"`, `\"`)+`"`)
		}
		return strings.Join(lines, "\n"), true
	case strings.Contains(sql, "SELECT to_json((EXISTS"):
		return map[bool]string{true: "true", false: "false"}[v.names["app_before_r8"] && !v.names["gapless_restore_r8_1"]], true
	case strings.Contains(sql, "n_tup_upd) , sum") || strings.Contains(sql, "sum(n_tup_upd)"):
		return `"` + v.written + `"`, true
	case strings.Contains(sql, "DROP DATABASE"):
		v.dropped = append(v.dropped, sql)
	}
	return "", false
}

var exchangedApp = []update.Exchanged{{Name: "app", Fresh: "gapless_restore_r8_1", Kept: "app_before_r8"}}

func newRewind(t *testing.T, names ...string) (*Rewind, *fakeEngine, *server, Stored) {
	t.Helper()
	m, engine := newMaker(t)
	stored := mustCreate(t, m)
	v := &server{names: map[string]bool{}, written: "1/3/0/0"}
	for _, name := range append(names, "app") {
		v.names[name] = true
	}
	engine.says, engine.ran = v.says, nil
	return &Rewind{Maker: m}, engine, v, stored
}

// TestRewindChecksFirst: what cannot come back is refused, and nothing ran that
// writes.
func TestRewindChecksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Stored)
		there  string
		says   string
	}{
		"fits":            {func(*Stored) {}, "other", ""},
		"damaged":         {func(s *Stored) { s.Damaged = "bits" }, "", "is damaged: bits"},
		"never proven":    {func(s *Stored) { s.Verified = time.Time{} }, "", "was never proven"},
		"other project":   {func(s *Stored) { s.Project = "another" }, "", "backup of project another"},
		"other major":     {func(s *Stored) { s.Major = 14 }, "", "backup of Postgres 14"},
		"truncated":       {func(s *Stored) { cutOff(t, s) }, "", "is truncated"},
		"the name is had": {func(*Stored) {}, "app_before_r8", "has a database app_before_r8 already"},
	} {
		w, engine, _, stored := newRewind(t, c.there)
		c.change(&stored)
		planned, err := w.Check(t.Context(), stored, 8, quiet)
		if c.says == "" && (err != nil || len(planned.Databases) != 1 || planned.Databases[0] != exchangedApp[0]) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %+v, %v", name, planned, err)
		}
		for _, ran := range engine.ran {
			if step := stepOf(ran.Name); step != stepAsk && step != stepRead {
				t.Errorf("%s: %s ran", name, ran.Name)
			}
		}
	}
}

// TestRewindExchange: what became of an exchange is asked, whatever became of the
// program that did it, and what was done already is not done again.
func TestRewindExchange(t *testing.T) {
	lost := errors.New("connection lost")
	forth := func(v *server) { delete(v.names, "gapless_restore_r8_1"); v.names["app_before_r8"] = true }
	for name, c := range map[string]struct {
		fails error
		does  bool
		want  error
	}{
		"it worked":            {nil, true, nil},
		"only its answer lost": {lost, true, nil},
		"it did not":           {lost, false, lost},
		"it said that it did":  {nil, false, errNotExchanged},
	} {
		w, engine, v, _ := newRewind(t, "gapless_restore_r8_1")
		ctx, cancel := context.WithCancel(t.Context())
		engine.fails[stepSwap] = c.fails
		engine.during[stepSwap] = func() {
			cancel() // Ctrl-C while it runs
			if c.does {
				forth(v)
			}
		}
		if err := w.Exchange(ctx, "b", exchangedApp); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRewindDrop keeps what somebody wrote to, and nothing else.
func TestRewindDrop(t *testing.T) {
	for name, c := range map[string]struct {
		before []string
		there  string
		kept   string
		drops  int
	}{
		"never exchanged":     {nil, "gapless_restore_r8_1", "", 1},
		"nobody wrote":        {[]string{"1/3/0/0"}, "gapless_restore_r8_1", "", 1},
		"somebody wrote":      {[]string{"1/2/0/0"}, "gapless_restore_r8_1", "app_before_undone_r8_1", 0},
		"there is none":       {[]string{"1/2/0/0"}, "other", "", 0},
		"the one that serves": {[]string{"1/2/0/0"}, "app", "", 0},
	} {
		w, _, v, _ := newRewind(t, c.there)
		kept, err := w.Drop(t.Context(), exchangedApp, c.before)
		if err != nil || strings.Join(kept, " ") != c.kept || len(v.dropped) != c.drops {
			t.Errorf("%s: kept %q, %d dropped: %v", name, kept, len(v.dropped), err)
		}
	}
}

// TestRewindScripts: names may be anything, all happens under one lock, and the
// state is looked at behind it.
func TestRewindScripts(t *testing.T) {
	databases := []update.Exchanged{{Name: `o"ne's-\x`, Fresh: "gapless_restore_r8_1", Kept: `o"ne's-\x_before_r8`}, {Name: "gone", Fresh: "gapless_restore_r8_2"}}
	for script, lines := range map[string][]string{
		forthScript("b", databases): {`SELECT NOT (EXISTS`, `ALTER DATABASE "o""ne's-\x" RENAME TO "o""ne's-\x_before_r8";`, `ALTER DATABASE "gapless_restore_r8_1" RENAME TO "o""ne's-\x";`,
			`ALTER DATABASE "gapless_restore_r8_2" RENAME TO "gone";`, `format('COMMENT ON DATABASE %I IS %L', 'gapless_restore_r8_1', shobj`, `E'o"ne''s-\\x'`, `put aside by the restore of backup b`},
		backScript(databases): {`ALTER DATABASE "o""ne's-\x" RENAME TO "gapless_restore_r8_1";`, `ALTER DATABASE "o""ne's-\x_before_r8" RENAME TO "o""ne's-\x";`,
			`ALTER DATABASE "gone" RENAME TO "gapless_restore_r8_2";`},
	} {
		for _, line := range lines {
			if !strings.Contains(script, line) {
				t.Errorf("%s is not in\n%s", line, script)
			}
		}
		lock, look := strings.Index(script, "LOCK TABLE"), strings.Index(script, `\gset`)
		if !strings.HasPrefix(script, "BEGIN;") || !strings.HasSuffix(script, "COMMIT;\n") || lock < 0 || look < lock || strings.Count(script, "BEGIN;") != 1 {
			t.Errorf("not one transaction that looks behind its lock:\n%s", script)
		}
	}
}

// TestSince: what the server has counted since the backup, and what it does not
// know any more is an estimate or counted.
func TestSince(t *testing.T) {
	then := &Counters{Epoch: "1/x", Tables: map[string]Activity{"public.item": {Inserted: 10, Updated: 2}}}
	for name, c := range map[string]struct {
		epoch, table, counted string
		want                  string
	}{
		"counted":     {"1/x", `["public.item", 15, 4, 1]`, `["public.item", 7]`, "public.item: 5 inserted, 2 updated, 1 deleted"},
		"nothing":     {"1/x", `["public.item", 10, 2, 0]`, `["public.item", 3]`, ""},
		"forgotten":   {"1/x", `["public.item", 10, 2, 0]`, `["public.item", 4]`, "public.item: 4 rows, and 3 in the backup"},
		"reset":       {"1/y", `["public.item", 15, 4, 1]`, `["public.item", 7]`, "public.item: 7 rows, and 3 in the backup"},
		"begun again": {"1/x", `["public.item", 5, 0, 0]`, `["public.item", 7]`, "public.item: 7 rows, and 3 in the backup"},
		"big":         {"1/y", `["public.item", 15, 4, 1]`, "", "public.item: about 9 rows, and 3 in the backup"},
	} {
		w, engine, v, stored := newRewind(t)
		stored.Databases[0].Counters = then
		engine.says = func(sql string) (string, bool) {
			switch {
			case strings.Contains(sql, "stats_reset"):
				return `"` + c.epoch + `"`, true
			case strings.Contains(sql, "n_tup_ins, n_tup_upd"):
				return c.table, true
			case strings.Contains(sql, "pg_relation_size"):
				return `{"name":"public.item","rows":9,"small":` + map[bool]string{true: "true", false: "false"}[c.counted != ""] + `}`, true
			case strings.Contains(sql, "FROM ONLY public.item"):
				return c.counted, true
			}
			return v.says(sql)
		}
		found, gone, err := w.Since(t.Context(), stored.Manifest)
		if got := Lost(found); err != nil || got != c.want || len(gone) > 0 {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
}

// TestNamesForConnect: psql removes double quotes within single ones.
func TestNamesForConnect(t *testing.T) {
	if got, want := argument.Replace(conninfo(`o"ne's-\x`)), `dbname=''o""""ne\\''s-\\\\x''`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
