//go:build postgres

package ddl

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The test of this file compares the forms with what a server really does. It
// needs psql and a server that it may fill, named by PGHOST, PGPORT and PGUSER:
//
//	PGHOST=/run/scratch PGUSER=postgres go test -tags postgres -run TestServer -v ./internal/migrate/ddl

const (
	relations = `SELECT '%s', oid, relname, relfilenode, coalesce(pg_stat_get_xact_numscans(oid), 0) FROM pg_class
		WHERE relkind IN ('r', 'p', 'm', 'v') AND relnamespace = 'public'::regnamespace;`
	locks = `SELECT 'lock', relation, '', mode, '' FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation';`
)

func psql(script string) (string, error) {
	command := exec.Command("psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-")
	command.Stdin = strings.NewReader(script)
	out, err := command.Output()
	if failed, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%s", failed.Stderr)
	}
	return string(out), err
}

// effect is what a form did to the tables that were there before.
type effect struct {
	locks         map[string]Lock
	rewrite, scan bool
}

func effectOn(t *testing.T, query string) (effect, error) {
	t.Helper()
	out, err := psql("BEGIN;\n" + fmt.Sprintf(relations, "before") + query + ";\n" + fmt.Sprintf(relations, "after") + locks + "ROLLBACK;")
	if err != nil {
		return effect{}, err
	}
	did := effect{locks: map[string]Lock{}}
	before := map[string][]string{}
	for _, line := range strings.Split(out, "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 5 {
			continue
		}
		was := before[fields[1]]
		switch {
		case fields[0] == "before":
			before[fields[1]] = fields
		case was == nil:
		case fields[0] == "after":
			did.rewrite = did.rewrite || was[3] != fields[3]
			did.scan = did.scan || was[4] != fields[4]
		default:
			did.locks[was[2]] = max(did.locks[was[2]], serverLock(fields[3]))
		}
	}
	return did, nil
}

// serverLock is the lock that the view pg_locks calls ShareRowExclusiveLock.
func serverLock(mode string) Lock {
	for i, name := range lockNames {
		if strings.EqualFold(strings.ReplaceAll(name, " ", "")+"Lock", mode) {
			return Lock(i)
		}
	}
	return UnknownLock
}

func TestServer(t *testing.T) {
	number, err := psql("SHOW server_version_num")
	if err != nil {
		t.Fatal(err)
	}
	version, _ := strconv.Atoi(strings.TrimSpace(number))
	version /= 10_000
	base := "testdata/base.sql"
	if out, err := exec.Command("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", base).CombinedOutput(); err != nil {
		t.Fatalf("%s: %s", base, out)
	}
	target, err := ParsePostgres(strconv.Itoa(version))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, f := range forms(t) {
		one := Judge(target, Input{Text: f.query}).Statements[0].Finding
		if version < f.from || version > f.to || one.Transaction == Forbidden || strings.Contains(f.query, "TABLESPACE") {
			continue
		}
		compared++
		compare(t, f, one)
	}
	t.Logf("Postgres %d: %d forms compared", version, compared)
}

func compare(t *testing.T, f form, one Finding) {
	t.Helper()
	did, err := effectOn(t, f.query)
	if (err != nil) != one.Fails {
		t.Errorf("forms.txt:%d: %s: fails %t, but %v", f.line, f.query, one.Fails, err)
	}
	if err != nil {
		return
	}
	if one.Rewrite != Unknown && did.rewrite != (one.Rewrite == Yes) {
		t.Errorf("forms.txt:%d: %s: rewrite %t", f.line, f.query, did.rewrite)
	}
	// What rewrites reads too, and so does what is there to read.
	reads := did.rewrite || strings.HasPrefix(f.query, "SELECT") || strings.Contains(f.query, "AS SELECT")
	if one.Scan != Unknown && !reads && did.scan != (one.Scan == Yes) {
		t.Errorf("forms.txt:%d: %s: scan %t", f.line, f.query, did.scan)
	}
	compareLocks(t, f, one, did)
}

// compareLocks holds the locks on named tables to be the same, and those on
// tables in words to be at least as strong.
func compareLocks(t *testing.T, f form, one Finding, did effect) {
	t.Helper()
	if one.Lock == UnknownLock {
		return
	}
	inWords := NoLock
	named := map[string]Lock{}
	for _, lock := range one.Locks {
		if strings.Contains(lock.Table, " ") {
			inWords = max(inWords, lock.Lock)
			continue
		}
		named[lastPart(lock.Table)] = max(named[lastPart(lock.Table)], lock.Lock)
	}
	for table, lock := range did.locks {
		if lock != AccessShare && lock != named[table] && (named[table] != NoLock || lock > inWords) {
			t.Errorf("forms.txt:%d: %s: %s on %s", f.line, f.query, lock, table)
		}
	}
	for table, lock := range named {
		if did.locks[table] != lock && !slices.Contains([]Lock{AccessShare}, lock) {
			t.Errorf("forms.txt:%d: %s: no %s on %s", f.line, f.query, lock, table)
		}
	}
}
