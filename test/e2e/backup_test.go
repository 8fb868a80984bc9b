//go:build e2e

package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gapless/test/stack"
)

// backedUpCompose is a database with a password that is hard to write down, and
// the job that migrates it.
const backedUpCompose = `
services:
  db:
    image: gapless-stack/postgres:15
    environment: &login {POSTGRES_USER: app, POSTGRES_PASSWORD: 'se:cr\et', POSTGRES_DB: app}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "app"], interval: 1s, retries: 60}
  migrate:
    image: gapless-stack/postgres:15
    restart: "no"
    environment: {PGHOST: db, PGUSER: app, PGPASSWORD: 'se:cr\et', PGDATABASE: app}
    entrypoint: []
    command: [psql, -v, ON_ERROR_STOP=1, -c, "MIGRATION"]
    depends_on: {db: {condition: service_healthy}}
    x-gapless: {role: job}
FILES
volumes: {data: {}, media: {}, cached: {}}
x-gapless: {backup: {query: SELECT max(id) FROM item, SETTINGS}}
`

const (
	firstMigration  = `CREATE TABLE item (id serial PRIMARY KEY, name text); INSERT INTO item (name) SELECT md5(n::text) FROM generate_series(1, 20000) n; CREATE INDEX ON item (name);`
	secondMigration = `ALTER TABLE item DROP COLUMN name; DELETE FROM item WHERE id > 5;`
)

// backedUp is a deployment whose database is backed up.
type backedUp struct {
	t             *testing.T
	home, project string
	files         string // further services
}

func newBackedUp(t *testing.T) *backedUp {
	t.Helper()
	images, err := stack.New(t.Context()) // makes the image of Postgres
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Remove(); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	d := &backedUp{t: t, home: home, project: "backup" + strings.ToLower(filepath.Base(filepath.Dir(home)))[len("testbackup"):]}
	t.Cleanup(func() {
		down := exec.Command("docker", "compose", "down", "--volumes", "--remove-orphans", "--timeout", "1")
		down.Dir, down.Env = home, append(down.Environ(), "COMPOSE_PROJECT_NAME="+d.project)
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		removePins(d.project)
	})
	return d
}

// compose writes the compose file.
func (d *backedUp) compose(migration, settings string) {
	d.t.Helper()
	writeFile(d.t, filepath.Join(d.home, "compose.yaml"), strings.NewReplacer("MIGRATION", migration, "SETTINGS", settings, "FILES", d.files).Replace(backedUpCompose))
}

func (d *backedUp) command(name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(d.t.Context(), name, arguments...)
	command.Dir = d.home
	command.Env = append(command.Environ(), "COMPOSE_PROJECT_NAME="+d.project, "GAPLESS_STATE_DIR="+filepath.Join(d.home, "state"))
	return command
}

// gapless fails the test unless the exit code is the wanted one and all texts are
// said.
func (d *backedUp) gapless(t *testing.T, code int, texts []string, arguments ...string) result {
	t.Helper()
	r := resultOf(t, d.command(gaplessPath, arguments...))
	if r.code != code {
		t.Fatalf("%v: exit code %d, want %d\n%s", arguments, r.code, code, r.output)
	}
	r.says(t, texts...)
	return r
}

// sql asks a database.
func (d *backedUp) sql(t *testing.T, database, statement string) string {
	t.Helper()
	r := resultOf(t, d.command("docker", "compose", "exec", "-T", "db", "psql", "-U", "app", "-d", database, "-Atc", statement))
	if r.code != 0 {
		t.Fatalf("%s: %s", statement, r.output)
	}
	return strings.TrimSpace(r.output)
}

// stored lists the IDs of the backups, oldest first.
func (d *backedUp) stored(t *testing.T) (ids []string) {
	t.Helper()
	var found []struct {
		ID       string
		Verified *string
		Damaged  string
	}
	r := d.gapless(t, 0, nil, "backup", "list", "--json")
	if err := json.Unmarshal([]byte(r.output), &found); err != nil {
		t.Fatalf("%v\n%s", err, r.output)
	}
	for _, one := range found {
		if one.Verified == nil || one.Damaged != "" {
			t.Errorf("%s is no proven backup: %s", one.ID, r.output)
		}
		ids = append(ids, one.ID)
	}
	return ids
}

// tools lists the containers of backups.
func (d *backedUp) tools() []string {
	output, _ := exec.Command("docker", "ps", "-a", "--format", "{{.Names}}", "--filter", "label=gapless.project="+d.project).Output()
	return strings.Fields(string(output))
}

// unfinished lists what is of a backup and is none.
func (d *backedUp) unfinished() []string {
	found, _ := filepath.Glob(filepath.Join(d.home, "state", "backups", d.project, "*.partial"))
	return found
}

// TestBackup backs a real database up, restores it, and finds every way to a bad
// backup closed.
func TestBackup(t *testing.T) {
	t.Parallel()
	d := newBackedUp(t)
	d.compose(firstMigration, "keep: 7")
	d.gapless(t, 0, nil, "update", "--yes")
	d.sql(t, "app", "CREATE DATABASE \"Other one\"")
	d.sql(t, "Other one", "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
	t.Run("an update makes one and it is restored", d.roundTrip)
	t.Run("bad ones are refused", d.refusesBad)
	t.Run("killed", d.killed)
	t.Run("full disk", d.fullDisk)
	t.Run("rollback with data", d.rollbackWithData)
	t.Run("a volume", d.volume)
	t.Run("Redis", d.redis)
}

func (d *backedUp) roundTrip(t *testing.T) {
	d.compose(secondMigration, "keep: 7")
	d.gapless(t, 0, []string{"dump db", "before the job migrate", "verify db"}, "update", "--yes", "--progress", "plain")
	ids := d.stored(t)
	if len(ids) != 1 {
		t.Fatalf("backups: %q", ids)
	}
	d.gapless(t, 0, []string{"backup: " + ids[0]}, "show")
	d.isPrivate(t)
	d.gapless(t, 0, []string{"can be restored: 2 tables with 20001 rows"}, "backup", "verify", "latest")

	d.gapless(t, 13, []string{"app of today holds about 5 rows", "--confirm " + d.project}, "backup", "restore", "latest")
	d.gapless(t, 1, []string{"not the name of the project"}, "backup", "restore", "latest", "--confirm", "another")
	if rows := d.sql(t, "app", "SELECT count(*) FROM item"); rows != "5" {
		t.Fatalf("%s rows after a restore that was not confirmed", rows)
	}
	d.gapless(t, 0, []string{`DROP DATABASE "Other one_before_`}, "backup", "restore", ids[0], "--confirm", d.project)
	if state := d.sql(t, "app", "SELECT count(name), count(DISTINCT name), nextval('item_id_seq') FROM item"); state != "20000|20000|20001" {
		t.Errorf("restored: %s", state)
	}
	if n := d.sql(t, "Other one", "SELECT n FROM kept"); n != "1" {
		t.Errorf("restored: %s", n)
	}
	aside := d.sql(t, "app", "SELECT datname FROM pg_database WHERE datname LIKE 'app_before_%'")
	if rows := d.sql(t, aside, "SELECT count(*) FROM item"); rows != "5" {
		t.Errorf("%s has %s rows", aside, rows)
	}
	// What was put aside is in no backup.
	made := d.gapless(t, 0, nil, "--progress", "json", "backup", "create")
	if strings.Contains(made.output, "_before_") {
		t.Error(made.output)
	}
}

// isPrivate checks that nobody else reads backups, and that no secret is in what
// is kept.
func (d *backedUp) isPrivate(t *testing.T) {
	err := filepath.WalkDir(filepath.Join(d.home, "state", "backups"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		about, err := entry.Info()
		if err == nil && about.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, about.Mode())
		}
		if content, readErr := os.ReadFile(path); readErr == nil && strings.Contains(string(content), `se:cr\et`) {
			t.Errorf("%s has the password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
