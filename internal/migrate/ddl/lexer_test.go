package ddl

import (
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestSplit: what looks like the end of a statement, and what looks like DDL
// within a constant.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"comments", "SELECT 1 -- ; x\n/* ; /* ; */ DROP TABLE t; */;\n\n-- end\nSELECT /**/ 2", []string{"1 SELECT 1", "5 SELECT 2"}},
		{"quotes", `SELECT 'a;''b', "c;""d", $$;$$, $x$;$$;$x$, E'\';', U&'\;', U&"a;", a$b;SELECT 2`, []string{`1 SELECT 'a;''b', "c;""d", $$;$$, $x$;$$;$x$, E'\';', U&'\;', U&"a;", a$b`, "1 SELECT 2"}},
		{"backslash in a plain string", `SELECT 'a\'; DROP TABLE t; --'`, []string{`1 SELECT 'a\'`, "1 DROP TABLE t"}},
		{"which is an escape if the file says so", `SET standard_conforming_strings = off; SELECT 'a\'; DROP TABLE t; --'`, []string{"1 SET standard_conforming_strings = off", `1 SELECT 'a\'; DROP TABLE t; --'`}},
		{"rules have statements in parentheses", "CREATE RULE r AS ON UPDATE TO t DO (SELECT 1; SELECT 2); SELECT 3", []string{"1 CREATE RULE r AS ON UPDATE TO t DO (SELECT 1; SELECT 2)", "1 SELECT 3"}},
		{"standard bodies", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3", []string{"1 CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "1 SELECT 3"}},
		{"data", "COPY t (a) FROM stdin;\nx;\ty\nDROP TABLE t;\n\\.\nSELECT 1;", []string{"1 COPY t (a) FROM stdin", "5 SELECT 1"}},
		{"psql", "\\set x 'y;'\nSELECT 1 \\g\n\\echo ; DROP\nSELECT 2 \\g \\\\ SELECT 3;", []string{"2 SELECT 1", "4 SELECT 2", "4 SELECT 3"}},
		{"a semicolon that psql sends on", `SELECT 1\; DROP TABLE t;`, []string{"1 SELECT 1", "1 DROP TABLE t"}},
		{"byte order mark, Windows lines", "\ufeffSELECT 1;\r\nSELECT 2;\r\n", []string{"1 SELECT 1", "2 SELECT 2"}},
		{"the way back", "-- +goose Up\nSELECT 1;\n-- +goose Down\nDROP TABLE t;\n-- +goose Up\nSELECT 2;", []string{"2 SELECT 1", "6 SELECT 2"}},
		{"dbmate", "-- migrate:up transaction:false\nSELECT 1;\n\n-- migrate:down\nDROP TABLE t", []string{"2 SELECT 1"}},
		{"a statement that is not ended before the way back", "SELECT 1\n-- migrate:down\n; DROP TABLE t", []string{"1 SELECT 1"}},
		{"passwords", `ALTER ROLE x PASSWORD 'geheim'; CREATE USER y PASSWORD = $$geheim$$`, []string{"1 ALTER ROLE x PASSWORD '***'", "1 CREATE USER y PASSWORD = '***'"}},
	} {
		report := Judge(Target{}, Input{Text: c.sql})
		var got []string
		for _, s := range report.Statements {
			got = append(got, itoa(s.Line)+" "+s.SQL)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestUnfinished: what does not end is unknown, however harmless it begins.
func TestUnfinished(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1 /* ; DROP TABLE t;", "SELECT 'x; DROP TABLE t;", `SELECT "x; DROP TABLE t;`, "SELECT $a$; DROP TABLE t; $$",
		"CREATE TABLE n (id int; DROP TABLE t;", "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; DROP TABLE t;", "COPY t FROM stdin;\n1\n", "COPY t FROM stdin",
		"SELECT 1 \\i x.sql\n;", "SELECT 'DROP TABLE t' \\gexec\n", "\\i x.sql\n", "\\copy t from x\n", "\\! rm x\n", "SELECT \x00", "SELECT $", "SELECT 1 \\\\ DROP TABLE t;", "'", "(", "/*",
	} {
		report := Judge(Target{}, Input{Text: sql})
		if len(report.Statements) == 0 || report.Statements[len(report.Statements)-1].Class&Opaque == 0 || report.Safe() {
			t.Errorf("%q: %s", sql, classes(report))
		}
	}
}

// TestShortened: a statement is cut, and constants more so.
func TestShortened(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for _, sql := range []string{"SELECT '" + long + "'", "SELECT " + long, "SELECT 1" + strings.Repeat(", 1", 10_000), "CREATE FUNCTION f() AS $$\n" + long + "\n$$"} {
		got := Judge(Target{}, Input{Text: sql}).Statements[0].SQL
		if len(got) > 300 || strings.ContainsAny(got, "\n") || !strings.Contains(got, "…") {
			t.Errorf("%d bytes: %.80q", len(got), got)
		}
	}
}
