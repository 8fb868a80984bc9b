package ddl

import (
	"strings"
	"testing"
	"time"
)

// odd are texts in the style of Postgres and MySQL that are easily misread.
var odd = []string{
	"CREATE RULE", "ALTER TABLE", "COMMENT ON", "ALTER INDEX x ALTER", "CREATE INDEX ON t USING",
	"/*!40101 SET NAMES utf8 */; /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1 */;",
	"DELIMITER $$\nCREATE PROCEDURE p() BEGIN DROP TABLE t; END$$\nDELIMITER ;\nSELECT 1 # ;\n;",
	"COPY t (a, b) FROM stdin WITH (FORMAT csv);\n1,2\n\\.\n",
	"\\set ON_ERROR_STOP 1\n\\if :x\nCREATE TABLE n (id int);\n\\else\nSELECT 1 \\gset\n\\endif\n\\echo a \\\\ SELECT 2;",
	"CREATE OR REPLACE FUNCTION f(a int DEFAULT 1) RETURNS SETOF t LANGUAGE plpgsql AS $_$BEGIN RETURN QUERY EXECUTE $q$DELETE FROM t$q$; END;$_$;",
	"CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (CASE WHEN true THEN 1 END); END;",
	"CREATE TABLE p (a int, b text COLLATE \"de_DE\", EXCLUDE USING gist (c WITH &&), LIKE t INCLUDING ALL) PARTITION BY LIST (lower(b)) WITH (fillfactor=70) TABLESPACE x;",
	"ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES u (x, y) MATCH FULL ON UPDATE SET NULL (a) ON DELETE CASCADE NOT DEFERRABLE INITIALLY IMMEDIATE NOT VALID;",
	"ALTER TABLE t ALTER COLUMN a TYPE numeric(10,2) USING a::numeric(10,2), ALTER b SET (n_distinct=-1), ADD c interval year to month, NO INHERIT p, OF typ, NOT OF;",
	"WITH RECURSIVE x(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM x) INSERT INTO t SELECT * FROM x ON CONFLICT ON CONSTRAINT c DO UPDATE SET a = excluded.a RETURNING *;",
	"BEGIN ISOLATION LEVEL SERIALIZABLE; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a; COMMIT AND CHAIN; PREPARE TRANSACTION 'x';",
	"SELECT 1 AS \"a;b\", U&'\\0041', 1.5e-3, .5, 0x1F, 1_000, $1, a->>'b', a @> b, x::int[], 'a' 'b';",
	"ALTER TABLE `t` ADD COLUMN (a INT, b INT), CHANGE a b BIGINT UNSIGNED NOT NULL AFTER c, ALGORITHM=INPLACE, LOCK=NONE;",
	"SET LOCAL lock_timeout TO '2s'; SET standard_conforming_strings = off; SELECT 'a\\'b';",
}

func seeds(f *testing.F, add func(string)) {
	for _, one := range forms(f) {
		add(one.query + ";")
	}
	for _, text := range odd {
		add(text)
	}
}

// FuzzJudge: whatever the text is, every statement gets a verdict with a reason,
// soon. And what is called safe has not swallowed what stands behind it.
func FuzzJudge(f *testing.F) {
	seeds(f, func(text string) { f.Add(text, false); f.Add(text, true) })
	f.Fuzz(func(t *testing.T, text string, mysql bool) {
		defer time.AfterFunc(time.Minute, func() { panic("slow: " + text) }).Stop()
		target := Target{}
		if mysql {
			target, _ = ParseMySQL("8.0.36")
		}
		report := Judge(target, Input{Name: "x", Text: text})
		lines := strings.Count(text, "\n") + 1
		last := 1
		for _, s := range report.Statements {
			if s.Line < last || s.Line > lines {
				t.Fatalf("line %d of %d after %d", s.Line, lines, last)
			}
			last = s.Line
			if s.Why == "" || s.Locks == nil || s.Transaction == "" {
				t.Fatalf("%q: %+v", s.SQL, s)
			}
		}
		if strings.Contains(lower(text), "down") || strings.Contains(lower(text), "vanishing") {
			return
		}
		more := Judge(target, Input{Name: "x", Text: text + "\n;\nDROP TABLE vanishing;\n"})
		if report.Safe() && more.Safe() {
			t.Fatalf("%q swallows what follows", text)
		}
	})
}

// BenchmarkJudge says how many statements are judged in a second.
func BenchmarkJudge(b *testing.B) {
	var text strings.Builder
	statements := 0
	for _, one := range forms(b) {
		text.WriteString(one.query + ";\n")
		statements++
	}
	input := Input{Name: "x.sql", Text: text.String()}
	b.ReportAllocs()
	for b.Loop() {
		Judge(Target{}, input)
	}
	b.ReportMetric(float64(statements)*float64(b.N)/b.Elapsed().Seconds(), "statements/s")
}
