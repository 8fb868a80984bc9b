//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gapless/test/stack"
)

// declaredCompose is an application of no known framework, whose settings say how
// it migrates.
const declaredCompose = `
services:
  db:
    image: gapless-stack/postgres:15
    environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: secret, POSTGRES_DB: app}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "app"], interval: 1s, retries: 60}
  app:
    build: .
    image: PROJECT-app
    environment: {PGHOST: db, PGUSER: app, PGPASSWORD: secret, PGDATABASE: app}
    entrypoint: []
    command: [sleep, infinity]
    stop_grace_period: 1s
    depends_on: {db: {condition: service_healthy}}
    x-gapless: {role: worker, migrate: {command: [sh, /app/up.sh]}}
volumes: {data: {}}
`

// upScript is a tool that runs files of SQL once each, as many do.
const upScript = `set -eu
psql -qc 'CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY)'
for file in /app/migrations/*.sql; do
	version=$(basename "$file" .sql)
	[ -z "$(psql -Atc "SELECT 1 FROM schema_migrations WHERE version = '$version'")" ] || continue
	single=-1
	! grep -q CONCURRENTLY "$file" || single=
	psql -q -v ON_ERROR_STOP=1 $single -f "$file" -c "INSERT INTO schema_migrations VALUES ('$version')"
done
`

// declared is such an application, in its first version.
type declared struct {
	*testing.T
	home, project string
}

// newDeclared makes and deploys one whose only migration is the SQL. name is that
// of the project, which the directory of the test makes its own.
func newDeclared(t *testing.T, name, sql string) *declared {
	t.Helper()
	images, err := stack.New(t.Context()) // makes the image of Postgres
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Remove(); err != nil {
		t.Fatal(err)
	}
	d := &declared{T: t, home: t.TempDir()}
	d.project = name + strings.ToLower(filepath.Base(filepath.Dir(d.home)))[len(t.Name()):]
	t.Cleanup(func() {
		down := exec.Command("docker", "compose", "down", "--volumes", "--timeout", "1")
		down.Dir, down.Env = d.home, append(down.Environ(), "COMPOSE_PROJECT_NAME="+d.project)
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		removePins(d.project)
		if out, err := exec.Command("docker", "rmi", d.project+"-app").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	d.write("compose.yaml", strings.ReplaceAll(declaredCompose, "PROJECT", d.project))
	d.write("Dockerfile", "FROM gapless-stack/postgres:15\nCOPY . /app/\n")
	d.write(".dockerignore", "state\ncompose.yaml\n")
	d.write("up.sh", upScript)
	d.write(filepath.Join("migrations", "001.sql"), sql)
	if code, out, complaint := d.run(gaplessPath, "update", "--yes"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, complaint)
	}
	return d
}

func (d *declared) write(name, content string) {
	d.Helper()
	writeFile(d.T, filepath.Join(d.home, name), content)
}

func (d *declared) command(name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(d.Context(), name, arguments...)
	command.Dir = d.home
	command.Env = append(command.Environ(), "COMPOSE_PROJECT_NAME="+d.project, "GAPLESS_STATE_DIR="+filepath.Join(d.home, "state"))
	return command
}

func (d *declared) run(name string, arguments ...string) (code int, printed, complained string) {
	d.Helper()
	command := d.command(name, arguments...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	_ = command.Run()
	return command.ProcessState.ExitCode(), out.String(), complaint.String()
}

// TestDeclaredMigrations judges what no framework tells of: the declared command
// runs in a shadow, and the strategy follows from what it did there.
func TestDeclaredMigrations(t *testing.T) {
	t.Parallel()
	d := newDeclared(t, "declared", "CREATE TABLE item (id int PRIMARY KEY, name text, old text); INSERT INTO item SELECT n FROM generate_series(1, 1000) n;")
	for _, c := range []struct{ sql, class, lock, strategy string }{
		{"ALTER TABLE item ADD COLUMN price int;", "a", "ACCESS EXCLUSIVE", "rolling"},
		{"CREATE INDEX item_name ON item (name);", "c", "SHARE", "rolling"},
		{"ALTER TABLE item DROP COLUMN old;", "bd", "ACCESS EXCLUSIVE", "quick"},
	} {
		d.write(filepath.Join("migrations", "002.sql"), c.sql)
		code, out, complaint := d.run(gaplessPath, "migrations", "--json")
		var found struct{ Migrations []judgedMigration }
		if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Migrations) != 1 {
			t.Fatalf("%s: %v\n%s%s", c.sql, err, out, complaint)
		}
		m := found.Migrations[0]
		if m.Name != "002" || m.Class != c.class || m.Lock != c.lock || m.Source != "trace" || (code == 0) != (c.class == "a") || len(m.Disagreements) > 0 {
			t.Errorf("%s: exit code %d\n%s%s", c.sql, code, out, complaint)
		}
		if _, plan, complaint := d.run(gaplessPath, "plan"); !strings.Contains(plan, "  "+c.strategy+"  because") {
			t.Errorf("%s: the plan is not %s:\n%s%s", c.sql, c.strategy, plan, complaint)
		}
	}
}
