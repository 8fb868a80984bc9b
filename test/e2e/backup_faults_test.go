//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
)

// refusesBad copies a backup, changes the copy, and has it refused by verify and
// by restore.
func (d *backedUp) refusesBad(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	keyFile, otherFile := filepath.Join(d.home, "key"), filepath.Join(d.home, "other")
	writeFile(t, keyFile, key.String()+"\n")
	writeFile(t, otherFile, other.String()+"\n")
	plain := d.directory(d.stored(t)[0])
	d.compose(secondMigration, "recipients: ["+key.Recipient().String()+"]")
	d.gapless(t, 0, nil, "backup", "create")
	ids := d.stored(t)
	sealed := d.directory(ids[len(ids)-1])
	dump := func(change func([]byte) []byte) func(string) { return d.changes(t, "1.dump", change) }
	manifest := func(old, new string) func(string) {
		return d.changes(t, "manifest.json", func(content []byte) []byte {
			return []byte(strings.Replace(string(content), old, new, 1))
		})
	}
	for _, c := range []struct {
		name     string
		of       string
		change   func(directory string)
		identity string
		says     string
		only     string // command; empty: both
	}{
		{"truncated", plain, dump(func(b []byte) []byte { return b[:len(b)*6/10] }), "", "is truncated: it has", ""},
		{"a bit", plain, dump(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), "", "was changed since it was written", ""},
		{"other project", plain, manifest(`"project": "`+d.project, `"project": "another`), "", "this is a backup of project another", ""},
		{"other major", plain, manifest(`"major": 15`, `"major": 14`), "", "this is a backup of Postgres 14, and the server is Postgres 15", "restore"},
		{"other rows", plain, manifest(`"public.item": 20000`, `"public.item": 20001`), "", "public.item has 20000 rows, and had 20001", "verify"},
		{"no key", sealed, func(string) {}, "", "no identity was given", ""},
		{"wrong key", sealed, func(string) {}, otherFile, "not encrypted to any of the given identities", ""},
		{"a bit of a sealed one", sealed, d.changes(t, "1.dump.age", func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), keyFile, "was changed since it was written", ""},
	} {
		for _, command := range []string{"verify", "restore"} {
			if c.only != "" && c.only != command {
				continue
			}
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(c.of)); err != nil {
				t.Fatal(err)
			}
			c.change(copied)
			arguments := []string{"backup", command, copied, "--identity", c.identity}
			if command == "restore" {
				arguments = append(arguments, "--confirm", d.project)
			}
			if r := resultOf(t, d.command(gaplessPath, arguments...)); r.code != 13 || !strings.Contains(r.output, c.says) {
				t.Errorf("%s, %s: exit code %d, and %q is not said:\n%s", c.name, command, r.code, c.says, r.output)
			}
		}
	}
	d.gapless(t, 0, []string{"can be restored"}, "backup", "verify", sealed, "--identity", keyFile)
	if rows := d.sql(t, "app", "SELECT count(name) FROM item"); rows != "20000" {
		t.Errorf("a refused restore has left %s rows", rows)
	}
	d.compose(secondMigration, "keep: 7")
}

func (d *backedUp) directory(id string) string {
	return filepath.Join(d.home, "state", "backups", d.project, id)
}

// changes rewrites a file of a backup.
func (d *backedUp) changes(t *testing.T, name string, change func([]byte) []byte) func(string) {
	return func(directory string) {
		t.Helper()
		path := filepath.Join(directory, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before := string(content)
		changed := change(content)
		if before == string(changed) {
			t.Fatalf("%s was not changed", path)
		}
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// killed kills the program at its work. The next command finds and removes all
// that is left, and no half of a backup counts as one.
func (d *backedUp) killed(t *testing.T) {
	before := d.stored(t)
	t.Run("dump", func(t *testing.T) {
		unlock := d.lock(t) // so that the dump waits
		d.killWhile(t, "-dump", "backup", "create")
		if len(d.unfinished()) != 1 {
			t.Errorf("unfinished: %q", d.unfinished())
		}
		unlock()
		d.swept(t, before)
	})
	t.Run("proof", func(t *testing.T) {
		d.killWhile(t, "-server", "backup", "create")
		d.swept(t, before)
	})
	t.Run("restore", func(t *testing.T) {
		d.killWhile(t, "-copy", "backup", "restore", before[0], "--confirm", d.project)
		d.swept(t, before)
		if names := d.sql(t, "app", "SELECT count(*) FROM pg_database WHERE datname LIKE 'gapless_restore%'"); names != "0" {
			t.Errorf("%s databases are left", names)
		}
	})
	// The journal has the plan, then an intent and an end of each step.
	for _, c := range []struct {
		name  string
		entry int
		kept  bool
	}{{"update after its dump", 5, false}, {"update after its proof", 9, true}} {
		t.Run(c.name, func(t *testing.T) {
			d.compose("SELECT "+fmt.Sprint(c.entry), "keep: 7")
			command := d.command(gaplessPath+"-failpoints", "update", "--yes")
			command.Env = append(command.Env, fmt.Sprintf("GAPLESS_FAILPOINT=journal:%d", c.entry))
			if r := resultOf(t, command); r.code != -1 {
				t.Fatalf("exit code %d\n%s", r.code, r.output)
			}
			if unfinished := d.unfinished(); (len(unfinished) == 0) != c.kept {
				t.Errorf("killed elsewhere: unfinished: %q", unfinished)
			}
			r := d.gapless(t, 1, []string{"nothing was changed"}, "resume")
			if c.kept {
				ids := d.stored(t)
				r.says(t, "gapless backup restore "+ids[len(ids)-1])
				before = append(before, ids[len(ids)-1])
			}
			d.swept(t, before)
		})
	}
	d.compose(secondMigration, "keep: 7")
}

// killWhile kills a command once one of its containers is there.
func (d *backedUp) killWhile(t *testing.T, step string, arguments ...string) {
	t.Helper()
	command := d.command(gaplessPath, arguments...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return slices.ContainsFunc(d.tools(), func(name string) bool { return strings.HasSuffix(name, step) })
	})
	_ = command.Process.Kill()
	if err := command.Wait(); err == nil {
		t.Fatalf("%v ended before it was killed", arguments)
	}
}

// swept runs another command, and checks that nothing is left.
func (d *backedUp) swept(t *testing.T, want []string) {
	t.Helper()
	d.gapless(t, 0, nil, "backup", "prune", "--dry-run")
	if tools, unfinished := d.tools(), d.unfinished(); len(tools)+len(unfinished) > 0 {
		t.Errorf("left: %q %q", tools, unfinished)
	}
	if got := d.stored(t); !slices.Equal(got, want) {
		t.Errorf("backups: %q, want %q", got, want)
	}
}

// lock holds the table so that nobody can read it, until it is told to give it
// back.
func (d *backedUp) lock(t *testing.T) (unlock func()) {
	t.Helper()
	return d.holdLock(t, "app", "LOCK TABLE item")
}

// holdLock keeps a transaction open that has taken a lock.
func (d *backedUp) holdLock(t *testing.T, database, statement string) (unlock func()) {
	t.Helper()
	command := d.command("docker", "compose", "exec", "-T", "db", "psql", "-U", "app", "-d", database, "-Atq")
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "BEGIN; "+statement+"; SELECT 'locked';\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q: %v", line, err)
	}
	return func() {
		_ = in.Close()
		_ = command.Wait()
	}
}

// fullDisk updates while the disk for backups is full: nothing is migrated, and
// nothing is left.
func (d *backedUp) fullDisk(t *testing.T) {
	small := filepath.Join(d.home, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	d.compose("DROP TABLE item", "directory: "+small)
	// The mount is seen by this one process and goes with it.
	const script = `mount -t tmpfs -o size=128k,mode=0700 none "$1" && shift && "$@"; code=$?; ls -A small/* | sed "s/^/left behind: /" >&2; exit $code`
	r := resultOf(t, d.command("unshare", "--mount", "sh", "-c", script, "sh", small, gaplessPath, "update", "--yes"))
	r.says(t, "gapless update --no-backup   to migrate without one", "free space there, let gapless backup prune remove old backups")
	if r.code != 1 || !strings.Contains(r.output, "is full") || !strings.Contains(r.output, "nothing was changed") || strings.Contains(r.output, "left behind") {
		t.Errorf("exit code %d\n%s", r.code, r.output)
	}
	if rows := d.sql(t, "app", "SELECT count(name) FROM item"); rows != "20000" {
		t.Errorf("it was migrated without a backup: %s rows", rows)
	}
	if tools := d.tools(); len(tools) > 0 {
		t.Errorf("left: %q", tools)
	}
}
