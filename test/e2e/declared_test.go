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
	psql -q -v ON_ERROR_STOP=1 -1 -f "$file" -c "INSERT INTO schema_migrations VALUES ('$version')"
done
`

// TestDeclaredMigrations judges what no framework tells of: the declared command
// runs in a shadow, and the strategy follows from what it did there.
func TestDeclaredMigrations(t *testing.T) {
	t.Parallel()
	images, err := stack.New(t.Context()) // makes the image of Postgres
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Remove(); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	project := "declared" + strings.ToLower(filepath.Base(filepath.Dir(home)))[len("testdeclaredmigrations"):]
	run := func(name string, arguments ...string) (int, string, string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = home
		command.Env = append(command.Environ(), "COMPOSE_PROJECT_NAME="+project, "GAPLESS_STATE_DIR="+filepath.Join(home, "state"))
		var out, complaint bytes.Buffer
		command.Stdout, command.Stderr = &out, &complaint
		_ = command.Run()
		return command.ProcessState.ExitCode(), out.String(), complaint.String()
	}
	t.Cleanup(func() {
		down := exec.Command("docker", "compose", "down", "--volumes", "--timeout", "1")
		down.Dir, down.Env = home, append(down.Environ(), "COMPOSE_PROJECT_NAME="+project)
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		removePins(project)
		if out, err := exec.Command("docker", "rmi", project+"-app").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	writeFile(t, filepath.Join(home, "compose.yaml"), strings.ReplaceAll(declaredCompose, "PROJECT", project))
	writeFile(t, filepath.Join(home, "Dockerfile"), "FROM gapless-stack/postgres:15\nCOPY . /app/\n")
	writeFile(t, filepath.Join(home, ".dockerignore"), "state\ncompose.yaml\n")
	writeFile(t, filepath.Join(home, "up.sh"), upScript)
	writeFile(t, filepath.Join(home, "migrations", "001.sql"), "CREATE TABLE item (id int PRIMARY KEY, name text, old text); INSERT INTO item SELECT n FROM generate_series(1, 1000) n;")
	if code, out, complaint := run(gaplessPath, "update", "--yes"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, complaint)
	}
	for _, c := range []struct{ sql, class, lock, strategy string }{
		{"ALTER TABLE item ADD COLUMN price int;", "a", "ACCESS EXCLUSIVE", "rolling"},
		{"CREATE INDEX item_name ON item (name);", "c", "SHARE", "rolling"},
		{"ALTER TABLE item DROP COLUMN old;", "bd", "ACCESS EXCLUSIVE", "quick"},
	} {
		writeFile(t, filepath.Join(home, "migrations", "002.sql"), c.sql)
		code, out, complaint := run(gaplessPath, "migrations", "--json")
		var found struct{ Migrations []judgedMigration }
		if err := json.Unmarshal([]byte(out), &found); err != nil || len(found.Migrations) != 1 {
			t.Fatalf("%s: %v\n%s%s", c.sql, err, out, complaint)
		}
		m := found.Migrations[0]
		if m.Name != "002" || m.Class != c.class || m.Lock != c.lock || m.Source != "trace" || (code == 0) != (c.class == "a") || len(m.Disagreements) > 0 {
			t.Errorf("%s: exit code %d\n%s%s", c.sql, code, out, complaint)
		}
		if _, plan, complaint := run(gaplessPath, "plan"); !strings.Contains(plan, "  "+c.strategy+"  because") {
			t.Errorf("%s: the plan is not %s:\n%s%s", c.sql, c.strategy, plan, complaint)
		}
	}
}
