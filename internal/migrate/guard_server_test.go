//go:build postgres

package migrate

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// The test of this file asks a real server. It needs psql and a server that it may
// fill, named by PGHOST, PGPORT and PGUSER:
//
//	PGHOST=/run/scratch PGUSER=postgres go test -tags postgres -run TestServer ./internal/migrate

// here runs commands on this host.
type here struct{ application string }

func (h here) Interact(_ context.Context, _ string, argv []string) (io.ReadWriteCloser, error) {
	command := exec.Command(argv[0], argv[1:]...)
	command.Env = append(os.Environ(), "PGAPPNAME="+h.application)
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, said := io.Pipe()
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() { said.CloseWithError(command.Wait()) }()
	return localPsql{out, in}, nil
}

type localPsql struct {
	*io.PipeReader
	in io.WriteCloser
}

func (p localPsql) Write(text []byte) (int, error) { return p.in.Write(text) }
func (p localPsql) Close() error                   { _ = p.in.Close(); return p.PipeReader.Close() }

// client is somebody who uses the server.
func client(t *testing.T, application string) *dialogue {
	t.Helper()
	connection, err := here{application}.Interact(t.Context(), "", append(psql(update.PostgresServer{User: os.Getenv("PGUSER")}, "postgres"), "--set", "ON_ERROR_STOP=0"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDialogue(connection)
	t.Cleanup(d.Close)
	return d
}

func (d *dialogue) must(t *testing.T, sql string) []string {
	t.Helper()
	lines, err := d.ask(t.Context(), sql, time.Minute)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return lines
}

// until asks until the answer is as wanted.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.Fatal("it never came to that")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestServerGuard(t *testing.T) {
	ctx := t.Context()
	guards := Guards{here{}}
	of := update.PostgresDatabase{User: os.Getenv("PGUSER"), Name: "postgres"}
	open := func() update.DatabaseSession {
		t.Helper()
		s, err := guards.Open(ctx, of)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	watch, another := open(), open()
	// Whoever migrates is alone, until its session ends.
	if got, err := watch.TryLock(ctx); !got || err != nil {
		t.Fatal(got, err)
	}
	if got, err := another.TryLock(ctx); got || err != nil {
		t.Fatal(got, err)
	}
	watch.Close()
	until(t, func() bool { got, err := another.TryLock(ctx); return got || err != nil })
	watch = open()

	reader, ours, blocked := client(t, "reader"), client(t, "gapless-run1-api"), client(t, "user")
	reader.must(t, "DROP TABLE IF EXISTS busy; CREATE TABLE busy AS SELECT 1 AS n; CREATE INDEX \"Good one\" ON busy (n);")
	before, err := watch.Indexes(ctx)
	if err != nil || len(before) == 0 {
		t.Fatal(before, err)
	}
	reader.must(t, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM busy;")
	ended := make(chan error, 2)
	go func() { _, err := ours.ask(ctx, "ALTER TABLE busy ADD COLUMN m int;", time.Minute); ended <- err }()
	var waits update.Waits
	until(t, func() bool {
		if waits, err = watch.Waits(ctx, "gapless-run1-api"); err != nil {
			t.Fatal(err)
		}
		return len(waits.Before) == 1
	})
	if before := waits.Before[0]; before.Application != "reader" || before.State != "idle in transaction" || before.Open <= 0 || before.PID == 0 || len(waits.Behind) != 0 {
		t.Errorf("%+v", waits)
	}
	long, err := watch.OpenLonger(ctx, 0)
	if err != nil || !slices.ContainsFunc(long, func(c update.DatabaseClient) bool { return c.Application == "reader" }) {
		t.Errorf("%+v %v", long, err)
	}
	// Who comes later waits behind the migration, and no longer once it is cancelled.
	go func() { _, err := blocked.ask(ctx, "SELECT * FROM busy;", time.Minute); ended <- err }()
	until(t, func() bool {
		if waits, err = watch.Waits(ctx, "gapless-run1-api"); err != nil {
			t.Fatal(err)
		}
		return len(waits.Behind) == 1 && waits.Behind[0].Application == "user"
	})
	if err := watch.Cancel(ctx, "gapless-run1-api"); err != nil {
		t.Fatal(err)
	}
	first, second := <-ended, <-ended
	if (first == nil) == (second == nil) || first != nil && !strings.Contains(first.Error(), "user request") {
		t.Errorf("%v, %v", first, second)
	}
	// One that does nothing within its transaction has its locks no longer either.
	idle := client(t, "gapless-run1-idle")
	idle.must(t, "BEGIN; LOCK TABLE busy IN ROW SHARE MODE;")
	if err := watch.Cancel(ctx, "gapless-run1-idle"); err != nil {
		t.Fatal(err)
	}
	looker := client(t, "looker")
	until(t, func() bool {
		return looker.must(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gapless-run1-idle';")[0] == "0"
	})
	// An index that could not be built is swept, and one that was there is not.
	_, err = ours.ask(ctx, "SET lock_timeout = '50ms'; CREATE INDEX CONCURRENTLY half ON busy (n);", time.Minute)
	if err == nil || !strings.Contains(err.Error(), "due to lock timeout") {
		t.Fatal(err)
	}
	reader.must(t, "COMMIT;")
	reader.must(t, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"Good one\"'::regclass;")
	dropped, spared, err := watch.DropInvalid(ctx, before)
	if err != nil || !slices.Equal(dropped, []string{"public.half"}) || len(spared) > 0 {
		t.Errorf("%v %v %v", dropped, spared, err)
	}
	if invalid, err := watch.Invalid(ctx); err != nil || !slices.Equal(invalid, []string{`public."Good one"`}) {
		t.Errorf("%v %v", invalid, err)
	}
	looker.must(t, "BEGIN; LOCK TABLE busy IN SHARE UPDATE EXCLUSIVE MODE;")
	if dropped, spared, err := watch.DropInvalid(ctx, nil); err != nil || len(dropped) > 0 || !slices.Equal(spared, []string{`public."Good one"`}) {
		t.Errorf("%v %v %v", dropped, spared, err)
	}
	looker.must(t, "ROLLBACK;")
	if left := reader.must(t, "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'busy'::regclass;"); !slices.Equal(left, []string{`"Good one"`}) {
		t.Errorf("left: %q", left)
	}
	// Sessions whose client is gone end.
	if told, err := watch.End(ctx, "gapless-run1-api"); told != 1 || err != nil {
		t.Errorf("%d %v", told, err)
	}
	until(t, func() bool { left, err := watch.End(ctx, "gapless-run1-api"); return left == 0 || err != nil })
	if _, err := watch.Indexes(ctx); err != nil {
		t.Errorf("an error before does not end the session: %v", err)
	}
}
