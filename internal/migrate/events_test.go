package migrate

import (
	"slices"
	"strings"
	"testing"
)

// shadowLog is what a shadow of Postgres 15 wrote, shortened.
const shadowLog = `2026-01-01 database system is ready to accept connections
gapless 7: LOG:  statement: CREATE SCHEMA gapless_trace;
gapless 8: LOG:  statement: DO $$BEGIN RAISE LOG 'gapless-trace %', '{"event": "begin"}'; END$$;
gapless 8: LOG:  gapless-trace {"event": "begin"}
gapless 9: LOG:  statement: BEGIN
gapless 9: LOG:  statement: ALTER TABLE "tours_tour" ADD COLUMN "price" integer NULL
gapless 9: LOG:  gapless-trace {"tag": "ALTER TABLE", "event": "ddl_command_start", "locks": [], "scans": {}}
gapless 9: LOG:  gapless-trace {"tag": "ALTER TABLE", "event": "ddl_command_end", "locks": [["tours_tour", "AccessExclusiveLock"]], "scans": {}}
gapless 9: LOG:  statement: CREATE INDEX x ON tours_tour (note)
gapless 9: LOG:  gapless-trace {"tag": "CREATE INDEX", "event": "ddl_command_start", "locks": [["tours_tour", "AccessExclusiveLock"]], "scans": {}}
gapless 9: LOG:  gapless-trace {"tag": "CREATE INDEX", "event": "ddl_command_end", "locks": [["tours_tour", "AccessExclusiveLock"], ["tours_tour", "ShareLock"]], "scans": {"tours_tour": 1}}
gapless 9: LOG:  statement: UPDATE tours_tour SET note = 'x
	y'
	 WHERE price = 3
gapless 9: LOG:  execute <unnamed>: insert into django_migrations (app, name) values ($1, $2)
gapless 9: LOG:  gapless-trace {"name": "tours/0002_x", "event": "applied"}
gapless 9: LOG:  statement: COMMIT
gapless 9: LOG:  statement: BEGIN
gapless 9: LOG:  statement: ALTER TABLE tours_tour ALTER COLUMN n TYPE bigint
gapless 9: LOG:  gapless-trace {"tag": "ALTER TABLE", "event": "ddl_command_start", "locks": [], "scans": {"tours_tour": 3}}
gapless 9: LOG:  gapless-trace {"tag": "ALTER TABLE", "name": "tours_tour", "event": "table_rewrite"}
gapless 9: LOG:  gapless-trace {"tag": "ALTER TABLE", "event": "ddl_command_end", "locks": [["tours_tour", "AccessExclusiveLock"]], "scans": {"tours_tour": 4}}
gapless 9: LOG:  statement: CREATE INDEX CONCURRENTLY z ON tours_tour (n)
gapless 9: ERROR:  CREATE INDEX CONCURRENTLY cannot run inside a transaction block
gapless 10: LOG:  statement: DO $$BEGIN RAISE LOG 'gapless-trace %', '{"event": "end"}'; END$$;
gapless 10: LOG:  gapless-trace {"event": "end"}
gapless 11: LOG:  statement: SELECT after
`

func TestParseLog(t *testing.T) {
	found, err := parseLog(strings.NewReader(shadowLog))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Migrations) != 2 || found.Migrations[0].Name != "tours/0002_x" || found.Migrations[1].Name != "" {
		t.Fatalf("%+v", found.Migrations)
	}
	first, second := found.Migrations[0].Statements, found.Migrations[1].Statements
	if len(first) != 5 || first[3].SQL != "UPDATE tours_tour SET note = 'x\ny'\n WHERE price = 3" || first[3].Seen {
		t.Errorf("%+v", first)
	}
	add, index := first[1], first[2]
	if !add.Seen || !slices.Equal(add.Locks["tours_tour"], []string{"ACCESS EXCLUSIVE"}) || len(add.Scans)+len(add.Rewrites) > 0 {
		t.Errorf("%+v", add)
	}
	if !slices.Equal(index.Locks["tours_tour"], []string{"SHARE"}) || len(index.Held["tours_tour"]) != 2 || !slices.Equal(index.Scans, []string{"tours_tour"}) {
		t.Errorf("the index takes one lock, and is built under both: %+v", index)
	}
	if change := second[2]; !slices.Equal(change.Rewrites, []string{"tours_tour"}) {
		t.Errorf("%+v", change)
	}
	if last := second[3]; last.Error != "CREATE INDEX CONCURRENTLY cannot run inside a transaction block" {
		t.Errorf("%+v", last)
	}
}

// A server that writes its log elsewhere is no shadow.
func TestParseLogElsewhere(t *testing.T) {
	if _, err := parseLog(strings.NewReader("redirecting log output to logging collector process\n")); err == nil {
		t.Error("nothing was read, and nothing was said")
	}
}
