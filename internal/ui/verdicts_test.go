package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/migrate/ddl"
)

func judged(t *testing.T, sql string, color string) string {
	t.Helper()
	var out strings.Builder
	if err := Verdicts(&out, ddl.Judge(ddl.Target{}, ddl.Input{Name: "x.sql", Text: sql}), color); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestVerdicts: one line for what is safe; each dangerous action has its reason.
func TestVerdicts(t *testing.T) {
	got := judged(t, `SET lock_timeout = '1s';
CREATE VIEW v AS SELECT 1;
ALTER TABLE t ADD COLUMN n int NOT NULL, ADD COLUMN x int, ADD COLUMN y bigserial;
VACUUM FULL t;`, "auto")
	want := `x.sql
     1  a        SET lock_timeout = '1s'
     2  a        CREATE VIEW v AS SELECT 1
     3  bc       ALTER TABLE t ADD COLUMN n int NOT NULL, ADD COLUMN x int, ADD COLUMN y bigserial
                 does     ACCESS EXCLUSIVE on t; rewrites the table; reads all rows
                 why      the old code's INSERTs leave it out and fail, and so does the statement if the table has rows
                          ADD COLUMN y bigserial: the whole table is written anew, and nobody reads or writes it meanwhile: each row gets a number (c)
                 instead  let it be null, or give it a DEFAULT that stays until the old version has stopped
     4  c        VACUUM FULL t
                 does     ACCESS EXCLUSIVE on t; rewrites the table; not in a transaction
                 why      writes the whole table anew; nobody reads or writes it meanwhile
                 instead  pg_repack, or from Postgres 19 on REPACK (CONCURRENTLY)

4 statements: 1 breaking the old code (b), 2 locking, rewriting or reading for long (c), 2 safe beside the old code (a)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestVerdictColors: colour only where it was asked for, or on a terminal.
func TestVerdictColors(t *testing.T) {
	for color, want := range map[string]bool{"always": true, "auto": false, "never": false} {
		if got := strings.Contains(judged(t, "SELECT 1", color), "\x1b[32ma"); got != want {
			t.Errorf("%s: %t", color, got)
		}
	}
}

// TestVerdictsAreClean: nothing in a file is obeyed by the terminal.
func TestVerdictsAreClean(t *testing.T) {
	evil := "SELECT \"\x1b[2J\u202e\u009b\"; ALTER TABLE \"\x1b]0;x\a\" FROB \"\x1b[1m\u202e\""
	if got := judged(t, evil, "never"); strings.ContainsAny(got, "\x1b\a\u202e\u009b") {
		t.Errorf("%q", got)
	}
	var out strings.Builder
	if err := VerdictsJSON(&out, ddl.Judge(ddl.Target{}, ddl.Input{Name: "x\u202e", Text: evil})); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u202e\u009b") {
		t.Errorf("%q", out.String())
	}
}

// TestVerdictsOnNothing: a file without a statement still has its notes.
func TestVerdictsOnNothing(t *testing.T) {
	if diff := cmp.Diff("x.sql:1: 1 psql command is skipped: psql runs them, a server does not\nno statements\n", judged(t, "\\echo x\n", "never")); diff != "" {
		t.Error(diff)
	}
}
