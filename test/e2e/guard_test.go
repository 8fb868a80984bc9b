//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const busyTable = "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item SELECT n FROM generate_series(1, 1000) n;"

// query asks the database of the application.
func (d *declared) query(sql string) string {
	d.Helper()
	out, err := d.command("docker", "exec", d.project+"-db-1", "psql", "-XAtq", "-U", "app", "-c", sql, "app").CombinedOutput()
	if err != nil {
		d.Fatalf("%s: %v\n%s", sql, err, out)
	}
	return strings.TrimSpace(string(out))
}

// transaction opens one that has read the table, and returns what ends it.
func (d *declared) transaction() (end func()) {
	d.Helper()
	command := d.command("docker", "exec", "-i", d.project+"-db-1", "psql", "-XAtq", "-U", "app", "app")
	in, err := command.StdinPipe()
	if err != nil {
		d.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		d.Fatal(err)
	}
	if err := command.Start(); err != nil {
		d.Fatal(err)
	}
	fmt.Fprintln(in, `SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'read ' || count(*) FROM item;`)
	if line, err := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "read ") {
		d.Fatalf("%q %v", line, err)
	}
	return func() { _ = in.Close(); _ = command.Wait() }
}

// readers keep the table busy: 20 connections in transactions of 50 ms. What
// stops them returns how long the longest transaction took.
func (d *declared) readers() (stop func() time.Duration) {
	d.Helper()
	script := `printf 'BEGIN;\nSELECT count(*) FROM item;\n\\sleep 50 ms\nCOMMIT;\n' > /tmp/busy.sql; rm -f /tmp/busy.log*
		bench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench); exec "$bench" -n -U app -c 20 -T 300 -f /tmp/busy.sql -l --log-prefix=/tmp/busy.log app`
	command := d.command("docker", "exec", d.project+"-db-1", "sh", "-c", script)
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		d.Fatal(err)
	}
	d.await("the readers", func() bool {
		return d.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'") == "20"
	})
	return func() time.Duration {
		d.Helper()
		d.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'")
		_ = command.Wait() // it complains that its connections ended
		// Only transactions that came to their end are in the log: client, number, microseconds.
		out, err := d.command("docker", "exec", d.project+"-db-1", "sh", "-c", `awk '$3 > most {most = $3} END {print NR, most}' /tmp/busy.log*`).Output()
		fields := strings.Fields(string(out))
		if err != nil || len(fields) != 2 {
			d.Fatalf("%q %v\n%s", out, err, said.String())
		}
		longest, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			d.Fatal(err)
		}
		d.Logf("%s transactions of readers", fields[0])
		return time.Duration(longest) * time.Microsecond
	}
}

// await waits for an event that can be seen by looking.
func (d *declared) await(what string, happened func() bool) {
	d.Helper()
	for end := time.Now().Add(2 * time.Minute); !happened(); {
		if time.Now().After(end) {
			d.Fatalf("%s: it never came to that", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestMigrationOfABusyTable migrates a table that 20 connections read all the time
// and one transaction holds until the migration has given way to it.
func TestMigrationOfABusyTable(t *testing.T) {
	t.Parallel()
	d := newDeclared(t, "busy", busyTable)
	d.write(filepath.Join("migrations", "002.sql"), "ALTER TABLE item ADD COLUMN price int;")
	stop, end := d.readers(), d.transaction()
	command := d.command(gaplessPath, "update", "--yes", "--progress", "plain")
	out, written := io.Pipe()
	command.Stdout, command.Stderr = written, written
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { written.CloseWithError(command.Wait()) }()
	var said strings.Builder
	tries := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "got no lock within") {
			t.Log(lines.Text())
			if tries++; tries == 3 {
				end()
			}
		}
	}
	if command.ProcessState.ExitCode() != 0 || tries < 3 {
		t.Fatalf("exit code %d after %d tries\n%s", command.ProcessState.ExitCode(), tries, said.String())
	}
	if !strings.Contains(said.String(), "waiting for pid") || !strings.Contains(said.String(), "report, idle in transaction") {
		t.Errorf("who had the lock is not said:\n%s", said.String())
	}
	if count := d.query("SELECT count(*) FROM information_schema.columns WHERE table_name = 'item' AND column_name = 'price'"); count != "1" {
		t.Error("the column is not there")
	}
	t.Logf("the longest of the readers' transactions of 50 ms took %s", stop())
}

// TestKilledDuringAConcurrentIndex kills Gapless and the migration while an index
// is built: the server goes on with the build of a client that is gone. The resume
// ends that and leaves no invalid index; the next update builds it.
func TestKilledDuringAConcurrentIndex(t *testing.T) {
	t.Parallel()
	d := newDeclared(t, "index", busyTable)
	d.write(filepath.Join("migrations", "002.sql"), "CREATE INDEX CONCURRENTLY item_name ON item (name);")
	end := d.transaction()
	command := d.command(gaplessPath, "update", "--yes")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	// The build waits for the transaction once the index is there.
	const invalid = "SELECT count(*) FROM pg_index WHERE indrelid = 'item'::regclass AND NOT indisvalid"
	d.await("an index that is being built", func() bool { return d.query(invalid) == "1" })
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if out, err := exec.Command("docker", "kill", d.project+"-app-migrate-r2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const building = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'gapless-%-app'"
	if d.query(building) != "1" {
		t.Fatal("the server does not go on with the build: the test shows nothing")
	}
	resumed := make(chan string, 1)
	go func() {
		code, out, complaint := d.run(gaplessPath, "resume")
		resumed <- fmt.Sprintf("exit code %d\n%s%s", code, out, complaint)
	}()
	d.await("the end of the build", func() bool { return d.query(building) == "0" })
	end()
	said := <-resumed
	if left := d.query(invalid); left != "0" || !strings.Contains(said, "dropped the invalid index") {
		t.Errorf("%s invalid indexes are left: %s", left, said)
	}
	if code, out, complaint := d.run(gaplessPath, "update", "--yes"); code != 0 || d.query("SELECT count(*) FROM pg_indexes WHERE indexname = 'item_name'") != "1" || d.query(invalid) != "0" {
		t.Errorf("the next update ends with exit code %d\n%s%s", code, out, complaint)
	}
}
