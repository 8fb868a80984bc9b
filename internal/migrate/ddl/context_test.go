package ddl

import (
	"strings"
	"testing"
)

// classes are the classes of all statements, in order.
func classes(r Report) string {
	var all []string
	for _, s := range r.Statements {
		class := s.Class.String()
		if s.Fails {
			class = "fails"
		}
		all = append(all, class)
	}
	return strings.Join(all, " ")
}

// TestContext judges statements beside those before them.
func TestContext(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"a table made here is empty and unknown to the old code": {
			`CREATE TABLE n (id int); CREATE INDEX ON n (id); ALTER TABLE n ADD COLUMN x int NOT NULL, ALTER id TYPE bigint; ALTER TABLE n DROP COLUMN id; DROP TABLE n`, "a a a a a"},
		"quoted and unquoted names are the same if they mean the same": {
			`CREATE TABLE "n" (id int); CREATE INDEX ON N (id); CREATE TABLE "N" (id int); CREATE INDEX ON n2 (id)`, "a a a c"},
		"one that may have been there is not new": {
			`CREATE TABLE IF NOT EXISTS n (id int); CREATE INDEX ON n (id)`, "a c"},
		"one whose making was rolled back is not new": {
			`BEGIN; CREATE TABLE n (id int); ROLLBACK; CREATE INDEX ON n (id)`, "a a a c"},
		"nor one that is made behind a condition of psql": {
			"\\if :fresh\nCREATE TABLE n (id int);\n\\endif\nCREATE INDEX ON n (id)", "a c"},
		"nor one that psql forgot": {
			"CREATE TABLE n (id int) \\r\nCREATE INDEX ON n (id)", "c"},
		"nor the same name in another schema or database": {
			"CREATE TABLE n (id int); SET search_path = other; CREATE INDEX ON n (id); CREATE TABLE m (id int);\n\\connect shop\nCREATE INDEX ON m (id)", "a a c a a c"},
		"nor one that takes the name of an old one": {
			`CREATE TABLE n (id int); ALTER TABLE t RENAME TO t_old; ALTER TABLE n RENAME TO t; ALTER TABLE t DROP COLUMN id`, "a b b bd"},
		"drop and create": {
			`DROP TABLE t; CREATE TABLE t (id int); ALTER TABLE t RENAME id TO x`, "bcd b b"},
		"a renamed new table stays new": {
			`CREATE TABLE n (id int); ALTER TABLE n RENAME TO m; CREATE INDEX ON m (id); CREATE INDEX ON n (id)`, "a a a c"},
		"a new table that refers to an old one, and stops to": {
			`CREATE TABLE n (id int); ALTER TABLE n ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES u (id); ALTER TABLE n DROP CONSTRAINT f`, "a a c"},
		"Django's way to add a column": {
			`ALTER TABLE t ADD COLUMN x int DEFAULT 0 NOT NULL; ALTER TABLE t ALTER COLUMN x DROP DEFAULT`, "a b"},
		"the safe way to add a column with a volatile default": {
			`ALTER TABLE t ADD COLUMN x uuid; ALTER TABLE t ALTER COLUMN x SET DEFAULT gen_random_uuid()`, "a a"},
		"filling a new column loses nothing": {
			`ALTER TABLE t ADD COLUMN x int, ADD y int; UPDATE t SET x = a, (y) = (SELECT 1) WHERE x IS NULL; UPDATE t SET x = 1, a = 2`, "a c cd"},
		"the default of a new column, and the word where": {
			`ALTER TABLE t ADD COLUMN x int; UPDATE t SET x = (SELECT max(a) FROM u WHERE true), b = 1`, "a cd"},
		"SET NOT NULL after a CHECK that was validated elsewhere": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK ((a IS NOT NULL)) NOT VALID; COMMIT; ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER a SET NOT NULL`, "b a a a"},
		"SET NOT NULL after a CHECK that is not valid": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t ALTER a SET NOT NULL`, "b bc"},
		"after a CHECK that says something else": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL OR b IS NULL); ALTER TABLE t ALTER a SET NOT NULL`, "bc bc"},
		"after a CHECK of another column that now has its name": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL); ALTER TABLE t RENAME a TO z; ALTER TABLE t RENAME b TO a; ALTER TABLE t ALTER a SET NOT NULL`, "bc b b bc"},
		"after a CHECK that nobody can name, and one that children do not have": {
			`ALTER TABLE t ADD CHECK (a IS NOT NULL); ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ADD CONSTRAINT c CHECK (b IS NOT NULL) NO INHERIT; ALTER TABLE t ALTER b SET NOT NULL`, "bc bc bc bc"},
		"after the CHECK was dropped": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL); ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ALTER a SET NOT NULL`, "bc a bc"},
		"a check of a new column": {
			`ALTER TABLE t ADD COLUMN x int; ALTER TABLE t ADD CHECK (x > 0) NOT VALID; ALTER TABLE t ADD CHECK (x IS NOT NULL) NOT VALID; ALTER TABLE t ADD CHECK (x > a) NOT VALID`, "a a b b"},
		"a foreign key of a new column": {
			`ALTER TABLE t ADD COLUMN x int; ALTER TABLE t ADD FOREIGN KEY (x) REFERENCES u (id) NOT VALID; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id) NOT VALID`, "a a b"},
		"NOT VALID and VALIDATE in one statement": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, VALIDATE CONSTRAINT c`, "bc"},
		"in one transaction": {
			`BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT`, "a b c a"},
		"in two": {
			`BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; COMMIT; BEGIN; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT`, "a b a a a a"},
		"in one file, which many tools run in one transaction": {
			`ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c`, "b c"},
		"in a file that says that it is not": {
			"-- +goose NO TRANSACTION\nALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c", "b a"},
		"filling a new table while an old one is locked": {
			`BEGIN; ALTER TABLE t ADD COLUMN x int; CREATE TABLE n AS SELECT 1; CREATE INDEX ON n (a); COMMIT`, "a a c c a"},
		"CONCURRENTLY in a transaction": {
			`BEGIN; CREATE INDEX CONCURRENTLY x ON t (a); COMMIT; CREATE INDEX CONCURRENTLY x ON t (a)`, "a fails a a"},
		"two indexes at once": {`DROP INDEX CONCURRENTLY x, y`, "fails"},
		"CONCURRENTLY on a partitioned table": {
			`CREATE TABLE n (id int) PARTITION BY RANGE (id); CREATE INDEX CONCURRENTLY ON n (id)`, "a fails"},
		"a type that is made here": {
			`CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN d AS text; CREATE DOMAIN p AS int CHECK (VALUE > 0); CREATE DOMAIN pp AS p;
			ALTER TABLE t ADD x mood, ADD y d; ALTER TABLE t ADD z p; ALTER TABLE t ADD zz pp; ALTER TYPE mood RENAME VALUE 'sad' TO 'x'`, "a a a a a c c a"},
		"a column widened after it was added": {
			`ALTER TABLE t ADD x varchar(10); ALTER TABLE t ALTER x TYPE varchar(20); ALTER TABLE t ALTER x TYPE int USING x::int`, "a a c"},
		"which is read in full for its constraints": {
			`ALTER TABLE t ADD x varchar(10) CHECK (x <> ''); ALTER TABLE t ALTER x TYPE varchar(20); ALTER TABLE t ALTER a TYPE text; ALTER TABLE t ALTER a TYPE text`, "c c bc bc"},
		"several actions take the strongest lock": {
			`ALTER TABLE t ALTER a SET STATISTICS 10, ADD COLUMN x int, DROP COLUMN y, ADD z uuid DEFAULT gen_random_uuid()`, "bcd"},
		"an action that is not understood": {`ALTER TABLE t ADD COLUMN x int, FROB y`, "unknown"},
		"what follows the part that is understood": {
			`ALTER TABLE t ADD COLUMN x int :more; CREATE INDEX CONCURRENTLY x ON t (a) FROB; DROP VIEW v; COMMENT ON TABLE t IS 'x' DROP; ALTER TABLE t ALTER a DROP NOT NULL FROB; ALTER TABLE t VALIDATE CONSTRAINT c DROP COLUMN a`, "unknown unknown b unknown unknown unknown"},
		"a view in the place of a table": {`DROP VIEW v; CREATE VIEW v AS SELECT 1`, "b b"},
		"code that is no SQL": {
			"BEGIN;\n--\n-- Raw Python operation\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL\nSELECT 1;\nCOMMIT;", "a unknown a a"},
		"what Django writes for a foreign key": {
			`BEGIN; ALTER TABLE "t" ADD COLUMN "x_id" bigint NULL CONSTRAINT "x_fk" REFERENCES "u" ("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "x_fk" IMMEDIATE; COMMIT`, "a a a a"},
		"the records of migration tools": {
			`UPDATE alembic_version SET version_num = 'b2' WHERE alembic_version.version_num = 'a1'; DELETE FROM "schema_migrations" WHERE version = '1'; DELETE FROM schema_migrations; UPDATE alembic_versions SET x = 1`, "a a cd cd"},
		"who is replicated how": {
			`ALTER TABLE t REPLICA IDENTITY NOTHING; ALTER TABLE t REPLICA IDENTITY USING INDEX x`, "b a"},
		"reading that writes": {
			`SELECT setval('t_id_seq', 1); WITH x AS (SELECT 1) SELECT * FROM x; SELECT 1 FROM t FOR UPDATE; CREATE TABLE x AS SELECT wipe(); COPY t TO PROGRAM 'rm'; EXPLAIN ANALYZE DELETE FROM t`, "unknown a a unknown unknown unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			report := Judge(Target{}, Input{Name: "x.sql", Text: c.sql})
			if got := classes(report); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
				for _, s := range report.Statements {
					t.Logf("%s: %s", s.SQL, s.Why)
				}
			}
		})
	}
}

// TestInputsApart: a table that another file makes may be there already.
func TestInputsApart(t *testing.T) {
	report := Judge(Target{}, Input{Name: "1.sql", Text: "CREATE TABLE n (id int)"}, Input{Name: "2.sql", Text: "CREATE INDEX ON n (id)"})
	if got := classes(report); got != "a c" {
		t.Error(got)
	}
	if report.Statements[1].File != "2.sql" || report.Statements[1].Line != 1 {
		t.Errorf("%+v", report.Statements[1])
	}
}

// TestNotes are the things that are said about a file.
func TestNotes(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"ALTER TABLE t ADD x int; ALTER TABLE t ADD y int", "1: no lock_timeout"},
		{"SET lock_timeout = '1s'; ALTER TABLE t ADD x int", ""},
		{"SET LOCAL lock_timeout TO 500; ALTER TABLE t ADD x int", ""},
		{"SET lock_timeout = 0;\nALTER TABLE t ADD x int", "2: no lock_timeout"},
		{"BEGIN; SET LOCAL lock_timeout = '1s'; COMMIT;\n\nALTER TABLE t ADD x int", "3: no lock_timeout"},
		{"CREATE TABLE n (id int); ALTER TABLE n ADD x int", ""},
		{"SET lock_timeout = '1s'; BEGIN; ALTER TABLE t ADD x int;\nALTER TABLE u ADD x int", "2: the locks on t and u; 1: the transaction that begins here"},
		{"BEGIN;\nBEGIN; COMMIT", "2: BEGIN within the transaction of line 1"},
		{"\\set x 1\n\\echo y\nSELECT 1", "1: 2 psql commands are skipped"},
		{"-- +goose Up\nSELECT 1;\n-- +goose Down\nDROP TABLE t;", "3: from here on the file is the way back"},
	} {
		var got []string
		for _, note := range Judge(Target{}, Input{Text: c.sql}).Notes {
			got = append(got, strings.TrimSpace(strings.Join([]string{itoa(note.Line), note.Text}, ": ")))
		}
		wants := strings.Split(c.want, "; ")
		if c.want == "" {
			wants = nil
		}
		ok := len(got) == len(wants)
		for i := 0; ok && i < len(got); i++ {
			ok = strings.HasPrefix(got[i], wants[i])
		}
		if !ok {
			t.Errorf("%q: %q, want %q", c.sql, got, wants)
		}
	}
}
