//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// writerCompose is a database with somebody who writes to it all the time, by the
// schema of his version.
const writerCompose = `
  writer:
    image: gapless-stack/postgres:15
    restart: unless-stopped
    stop_grace_period: 1s
    environment: {PGHOST: db, PGUSER: app, PGPASSWORD: 'se:cr\et', PGDATABASE: app}
    entrypoint: []
    command: [sh, -c, "while sleep 0.1; do psql -qc \"INSERT INTO visit (COLUMN) VALUES ('COLUMN')\" || true; done"]
    depends_on: {db: {condition: service_healthy}}
    x-gapless: {role: worker}
`

// writes writes the compose file of a version that writes to a column.
func (d *backedUp) writes(column, migration string) {
	d.t.Helper()
	d.files = strings.TrimPrefix(strings.ReplaceAll(writerCompose, "COLUMN", column), "\n")
	d.compose(migration, "keep: 7")
}

// rollbackWithData goes back over a migration that the old code does not survive,
// with its data, while somebody writes.
func (d *backedUp) rollbackWithData(t *testing.T) {
	d.writes("who", "CREATE TABLE IF NOT EXISTS visit (id serial PRIMARY KEY, who text)")
	d.gapless(t, 0, nil, "update", "--yes")
	d.waitForRows(t, "app", "who", "who")
	d.sql(t, "app", `CREATE ROLE reader; REVOKE CONNECT ON DATABASE "Other one" FROM PUBLIC; GRANT CONNECT ON DATABASE "Other one" TO reader; COMMENT ON DATABASE app IS 'ours'`)
	d.writes("name", "ALTER TABLE visit RENAME COLUMN who TO name")
	d.gapless(t, 0, []string{"dump"}, "update", "--yes", "--progress", "plain")
	d.waitForRows(t, "app", "name", "name")
	granted := d.sql(t, "app", granting)

	d.gapless(t, 0, []string{"the data stays as release", "would lose everything written since", "public.visit: "}, "rollback", "--dry-run")
	d.gapless(t, 13, []string{"--confirm " + d.project}, "rollback", "--restore-data", "--yes")
	d.gapless(t, 1, []string{"not the name of the project"}, "rollback", "--restore-data", "--confirm", "another")

	t.Run("somebody is in the way", d.blockedExchange)
	t.Run("killed in the exchange", d.killedExchange)

	r := d.gapless(t, 0, []string{"DROP DATABASE", "stays as app_before_r"}, "rollback", "--restore-data", "--yes", "--confirm", d.project, "--progress", "plain")
	if times := strings.Count(r.output, "note: db: whoever else is connected"); times != 1 {
		t.Errorf("the plan is shown %d times:\n%s", times, r.output)
	}
	d.waitForRows(t, "app", "who", "who") // those that the old code wrote then, and it writes again
	if wrong := d.sql(t, "app", "SELECT count(*) FROM visit WHERE who = 'name'"); wrong != "0" {
		t.Errorf("%s rows of the version after are in the restored data", wrong)
	}
	aside := d.sql(t, "app", "SELECT datname FROM pg_database WHERE datname LIKE 'app_before_r%'")
	d.waitForRows(t, aside, "name", "name")
	if now := d.sql(t, "app", granting); now != granted {
		t.Errorf("rights and comments: %s, were %s", now, granted)
	}
	d.gapless(t, 0, []string{"data: from backup"}, "show")
	d.nothingLeft(t)
}

// granting is what a restored database takes over.
const granting = `SELECT string_agg(concat_ws(' ', datname, pg_get_userbyid(datdba), (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) a), shobj_description(oid, 'pg_database')), ', ' ORDER BY datname) FROM pg_database WHERE datname IN ('app', 'Other one')`

// waitForRows waits until somebody has written to a column that he wrote a value
// to.
func (d *backedUp) waitForRows(t *testing.T, database, column, value string) {
	t.Helper()
	count := func() string {
		return d.sql(t, database, "SELECT count(*) FROM visit WHERE "+column+" = '"+value+"'")
	}
	before := count()
	if database != "app" && before != "0" {
		return // nobody writes there any more
	}
	waitFor(t, func() bool { return count() != before })
}

// nothingLeft checks that no half of a restore is there, and that the writer of
// the version that serves goes on.
func (d *backedUp) nothingLeft(t *testing.T) {
	t.Helper()
	if names := d.sql(t, "app", "SELECT count(*) FROM pg_database WHERE datname LIKE 'gapless_restore%'"); names != "0" {
		t.Errorf("%s databases are left", names)
	}
	for _, name := range d.tools() {
		if strings.Contains(name, "-backup-") {
			t.Errorf("left: %s", name)
		}
	}
}

// blockedExchange fails in bounded time, says who is in the way, and what served
// serves again with all its rows.
func (d *backedUp) blockedExchange(t *testing.T) {
	rows := d.sql(t, "app", "SELECT count(*) FROM visit")
	unlock := d.lockNames(t)
	r := d.gapless(t, 10, []string{"still there: pid"}, "rollback", "--restore-data", "--yes", "--confirm", d.project)
	unlock()
	if now := d.sql(t, "app", "SELECT count(*) >= "+rows+" FROM visit"); now != "t" {
		t.Errorf("rows are missing:\n%s", r.output)
	}
	d.waitForRows(t, "app", "name", "name")
	d.nothingLeft(t)
}

// killedExchange kills the program while the exchange waits for a lock, which then
// may or may not come to its end.
func (d *backedUp) killedExchange(t *testing.T) {
	rows := d.sql(t, "app", "SELECT count(*) FROM visit")
	unlock := d.lockNames(t)
	d.killWhile(t, "-swap", "rollback", "--restore-data", "--yes", "--confirm", d.project)
	unlock()
	d.gapless(t, 13, []string{"gapless resume first"}, "backup", "restore", "latest", "--confirm", d.project)
	r := d.gapless(t, 10, nil, "resume")
	if now := d.sql(t, "app", "SELECT count(*) >= "+rows+" FROM visit WHERE name IS NOT NULL"); now != "t" {
		t.Errorf("rows are missing:\n%s", r.output)
	}
	if comment := d.sql(t, "app", "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'app'"); comment != "ours" {
		t.Errorf("the comment of the database is %q", comment)
	}
	d.waitForRows(t, "app", "name", "name")
	d.nothingLeft(t)
}

// lockNames keeps anybody from giving a database another name, until it is told to
// let go: a session does who has listed the databases and not ended its transaction.
func (d *backedUp) lockNames(t *testing.T) (unlock func()) {
	t.Helper()
	return d.holdLock(t, "template1", "LOCK TABLE pg_catalog.pg_database IN ACCESS SHARE MODE")
}
