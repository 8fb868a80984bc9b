package ddl

import (
	"strings"
	"testing"
)

// TestMySQL judges the basics, by version.
func TestMySQL(t *testing.T) {
	for _, c := range []struct{ version, sql, want string }{
		{"8.0.36", "ALTER TABLE t ADD COLUMN x INT", "a INSTANT"},
		{"8.0.36", "ALTER TABLE `t` ADD `x` INT NOT NULL DEFAULT 0 AFTER `a`", "a INSTANT"},
		{"8.0.12", "ALTER TABLE t ADD COLUMN x INT", "a INSTANT"},
		{"8.0.12", "ALTER TABLE t ADD COLUMN x INT FIRST", "c INPLACE"},
		{"8.0", "ALTER TABLE t ADD COLUMN x INT", "c INPLACE"},
		{"5.7", "ALTER TABLE t ADD COLUMN x INT", "c INPLACE"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT NOT NULL", "b INSTANT"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT DEFAULT (rand())", "c INPLACE"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT AS (a + 1) VIRTUAL", "a INSTANT"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT AS (a + 1) STORED", "c COPY"},
		{"8.4", "ALTER TABLE t ADD COLUMN (x INT, y INT NOT NULL)", "b INSTANT"},
		{"8.0.29", "ALTER TABLE t DROP COLUMN a", "bd INSTANT"},
		{"8.0.28", "ALTER TABLE t DROP COLUMN a", "bcd INPLACE"},
		{"8.0.28", "ALTER TABLE t RENAME COLUMN a TO b", "b INSTANT"},
		{"8.4", "ALTER TABLE t MODIFY a BIGINT NOT NULL", "bcd COPY"},
		{"8.4", "ALTER TABLE t CHANGE a b INT", "bcd COPY"},
		{"8.4", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 5", "b INSTANT"},
		{"8.4", "ALTER TABLE t ADD INDEX x (a), ALGORITHM=INPLACE, LOCK=NONE", "a INPLACE"},
		{"8.4", "CREATE INDEX x ON t (a)", "a INPLACE"},
		{"8.4", "CREATE UNIQUE INDEX x ON t (a) LOCK=NONE", "b INPLACE"},
		{"8.4", "ALTER TABLE t ADD FULLTEXT KEY x (a)", "c INPLACE"},
		{"8.4", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id)", "bc COPY"},
		{"8.4", "ALTER TABLE t DROP FOREIGN KEY f", "a INPLACE"},
		{"8.4", "ALTER TABLE t DROP PRIMARY KEY", "bc COPY"},
		{"8.4", "ALTER TABLE t ENGINE=InnoDB", "c INPLACE"},
		{"8.4", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", "bc COPY"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT, ALGORITHM=COPY", "c COPY"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT, LOCK=EXCLUSIVE", "c INSTANT"},
		{"8.4", "ALTER TABLE t MODIFY a INT, ALGORITHM=INSTANT", "fails"},
		{"8.4", "ALTER TABLE t ADD COLUMN x INT, ADD INDEX (x)", "a INPLACE"},
		{"8.4", "ALTER TABLE t FROB x", "unknown"},
		{"8.4", "RENAME TABLE a TO b, c TO d", "b"},
		{"8.4", "DROP TABLE IF EXISTS t", "bcd"},
		{"8.4", "CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, KEY (id)) ENGINE=InnoDB; CREATE INDEX x ON n (id)", "a, a INPLACE"},
		{"8.4", "TRUNCATE t", "cd"},
		{"8.4", "UPDATE t SET a = 1", "cd"},
		{"8.4", "INSERT INTO t (a) VALUES ('it\\'s; DROP TABLE t')", "a"},
		{"8.4", "INSERT IGNORE INTO t VALUES (1)", "a"},
		{"8.4", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2", "d"},
		{"8.4", "SELECT \"a;\", `b;` # DROP TABLE t;\n, 1 -- x\n", "a"},
		{"8.4", "/*!40000 DROP TABLE t */; /* DROP TABLE t */", "bcd"},
		{"8.4", "DELIMITER //\nCREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; END//\nDELIMITER ;\nDROP VIEW v;", "unknown, b"},
		{"8.4", "DELIMITER $$\nGRANT x TO y; DROP TABLE t$$", "unknown"},
		{"8.4", "BEGIN; SET NAMES utf8mb4; COMMIT", "a, a, a"},
	} {
		target, err := ParseMySQL(c.version)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range Judge(target, Input{Text: c.sql}).Statements {
			one := s.Class.String()
			if s.Fails {
				one = "fails"
			} else if s.Algorithm != "" {
				one += " " + s.Algorithm
			}
			got = append(got, one)
			if s.Why == "" {
				t.Errorf("%s: no reason", c.sql)
			}
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s on %s: %q, want %q", c.sql, c.version, all, c.want)
		}
	}
}

// TestVersions: only versions with rules are taken.
func TestVersions(t *testing.T) {
	for text, want := range map[string]bool{"12": true, "19": true, "14.3": true, "15.18.1": true, "11": false, "20": false, "": false, "x": false, "-15": false, "15.": false, "1.2.3.4": false, "+15": false} {
		if _, err := ParsePostgres(text); (err == nil) != want {
			t.Errorf("postgres %q: %v", text, err)
		}
	}
	for text, want := range map[string]bool{"5.7": true, "8.0.36": true, "9.1": true, "8": true, "5.6": false, "10.11": false} {
		if _, err := ParseMySQL(text); (err == nil) != want {
			t.Errorf("mysql %q: %v", text, err)
		}
	}
}

// TestCorruptIndexes: 14.0 to 14.3 build indexes that miss rows.
func TestCorruptIndexes(t *testing.T) {
	for version, want := range map[string]string{"14.3": "c", "14.4": "a", "14": "a", "15.1": "a"} {
		target, err := ParsePostgres(version)
		if err != nil {
			t.Fatal(err)
		}
		if got := classes(Judge(target, Input{Text: "CREATE INDEX CONCURRENTLY x ON t (a)"})); got != want {
			t.Errorf("%s: %s", version, got)
		}
	}
}

// TestTypeChanges are the changes of type that were measured; a rewrite where
// true.
func TestTypeChanges(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     Answer
	}{
		{"varchar(10)", "varchar(20)", No}, {"varchar(10)", "varchar", No}, {"character varying(10)", "text", No}, {"text", "varchar", No},
		{"numeric(10,2)", "decimal(12,2)", No}, {"numeric(10,2)", "numeric", No}, {"cidr", "inet", No}, {"timestamp(0)", "timestamp", No},
		{"timestamp(3)", "timestamp(6)", No}, {"interval", "interval", No}, {"varbit(3)", "bit varying(5)", No}, {"int", "integer", No},
		{"int", "bigint", Yes}, {"varchar(20)", "varchar(10)", Yes}, {"varchar", "varchar(10)", Yes}, {"text", "varchar(10)", Yes},
		{"numeric(10,2)", "numeric(10,3)", Yes}, {"numeric(10,2)", "numeric(9,2)", Yes}, {"json", "jsonb", Yes}, {"char(5)", "varchar(10)", Yes}, {"char(5)", "text", Yes},
		{"timestamp", "timestamptz", Unknown}, {"mood", "text", Unknown}, {"int[]", "int", Unknown}, {"", "text", Unknown}, {"citext", "text", Unknown},
	} {
		read := func(text string) typeName {
			splitter := newSplitter(text, false)
			one, _ := splitter.statement()
			cursor := &cursor{tokens: one.tokens}
			name, ok := cursor.typeName()
			if text != "" && (!ok || !cursor.done()) {
				t.Fatalf("%q is not read", text)
			}
			return name
		}
		if got := typeChange(read(c.from), read(c.to)); got != c.want {
			t.Errorf("%s to %s: %d", c.from, c.to, got)
		}
	}
}
