package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gapless/internal/update"
)

// Terminals starts commands to talk to.
type Terminals interface {
	// Interact starts a command in a container that runs. What is written is its
	// input, what is read is both of its outputs. The command's input ends when
	// the connection does, also if this process dies.
	Interact(ctx context.Context, container string, argv []string) (io.ReadWriteCloser, error)
}

// Guards implements update.Databases by the psql of the database's own image.
type Guards struct{ Terminals Terminals }

// How long an answer may take.
const (
	answerLimit = 5 * time.Second
	dropLimit   = 30 * time.Second // of an index
)

// migrationLock is the advisory lock of whoever migrates a database. It is asked
// for again and again, never waited for: who waits for it holds a snapshot, for
// which an index that is built concurrently would wait in turn.
const migrationLock = 0x6761706c657373

// beginSQL makes a session of ours known, quiet and short of patience for locks. It
// lasts as long as the migration does; not all versions have each of the limits.
const beginSQL = `DO $$ BEGIN
	PERFORM set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', 'idle_session_timeout', 'transaction_timeout');
END $$; SET application_name = 'gapless'; SET search_path = pg_catalog; SET client_min_messages = error; SET lock_timeout = '5s'; SET default_transaction_isolation = 'read committed';`

// Open implements update.Databases.
func (g Guards) Open(ctx context.Context, of update.PostgresDatabase) (update.DatabaseSession, error) {
	// An error ends a query, and not the session.
	argv := append(psql(update.PostgresServer{User: of.User}, of.Name), "--set", "ON_ERROR_STOP=0")
	connection, err := g.Terminals.Interact(ctx, of.Container, argv)
	if err != nil {
		return nil, err
	}
	s := &guardSession{dialogue: newDialogue(connection)}
	if _, err := s.query(ctx, beginSQL); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// guardSession is a session beside a migration.
type guardSession struct{ *dialogue }

func (s *guardSession) query(ctx context.Context, sql string) ([]string, error) {
	return s.ask(ctx, sql, answerLimit)
}

// number is the answer to a question for one.
func (s *guardSession) number(ctx context.Context, sql string) (int, error) {
	rows, err := s.query(ctx, sql)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 {
		return 0, fmt.Errorf("psql answered %d lines in place of a number", len(rows))
	}
	return strconv.Atoi(rows[0])
}

func (s *guardSession) TryLock(ctx context.Context) (bool, error) {
	got, err := s.number(ctx, fmt.Sprintf("SELECT pg_try_advisory_lock(%d)::int;", migrationLock))
	return got == 1, err
}

func (s *guardSession) Indexes(ctx context.Context) ([]string, error) {
	return s.query(ctx, `SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY i.indexrelid;`)
}

// clientColumns are those of a DatabaseClient.
const clientColumns = `a.pid, a.application_name, coalesce(a.state, ''),
	coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0), coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)`

// waitsSQL asks who waits behind an application, and before whom. Those that work
// for the server itself, as autovacuum, give way or wait for nobody's sake.
const waitsSQL = `WITH ours AS (SELECT pid FROM pg_stat_activity WHERE application_name = %[1]s AND datname = current_database()),
	waiting AS MATERIALIZED (SELECT pid, pg_blocking_pids(pid) AS blockers FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND backend_type = 'client backend' AND datname = current_database())
	SELECT 'behind', ` + clientColumns + ` FROM pg_stat_activity a JOIN waiting w ON w.pid = a.pid
		WHERE w.blockers && ARRAY(SELECT pid FROM ours) AND a.pid NOT IN (SELECT pid FROM ours)
	UNION ALL SELECT DISTINCT 'before', ` + clientColumns + ` FROM pg_stat_activity a JOIN waiting w ON a.pid = ANY (w.blockers)
		WHERE w.pid IN (SELECT pid FROM ours) AND a.pid NOT IN (SELECT pid FROM ours);`

func (s *guardSession) Waits(ctx context.Context, application string) (update.Waits, error) {
	var found update.Waits
	rows, err := s.query(ctx, fmt.Sprintf(waitsSQL, quoteText(application)))
	if err != nil {
		return found, err
	}
	for _, row := range rows {
		side, rest, _ := strings.Cut(row, "\t")
		client, err := parseClient(rest)
		if err != nil {
			return found, err
		}
		if side == "behind" {
			found.Behind = append(found.Behind, client)
		} else {
			found.Before = append(found.Before, client)
		}
	}
	return found, nil
}

func (s *guardSession) OpenLonger(ctx context.Context, than time.Duration) ([]update.DatabaseClient, error) {
	rows, err := s.query(ctx, fmt.Sprintf(`SELECT `+clientColumns+` FROM pg_stat_activity a WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
		AND datname = current_database() AND clock_timestamp() - a.xact_start > interval '%d seconds' ORDER BY a.xact_start;`, int(than.Seconds())))
	var found []update.DatabaseClient
	for _, row := range rows {
		client, problem := parseClient(row)
		found, err = append(found, client), errors.Join(err, problem)
	}
	return found, err
}

func parseClient(row string) (update.DatabaseClient, error) {
	fields := strings.Split(row, "\t")
	if len(fields) != 5 {
		return update.DatabaseClient{}, fmt.Errorf("psql answered %q, which is no session", row)
	}
	pid, err := strconv.Atoi(fields[0])
	open, problem := strconv.ParseFloat(fields[3], 64)
	since, another := strconv.ParseFloat(fields[4], 64)
	seconds := func(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }
	return update.DatabaseClient{PID: pid, Application: fields[1], State: fields[2], Open: seconds(open), Query: seconds(since)}, errors.Join(err, problem, another)
}

func (s *guardSession) Cancel(ctx context.Context, application string) error {
	// One between two statements has nothing to cancel, and keeps its locks.
	_, err := s.signal(ctx, "CASE WHEN state LIKE 'idle in transaction%' THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END", application)
	return err
}

// End implements update.DatabaseSession. A session that was told to end is left
// until it is gone.
func (s *guardSession) End(ctx context.Context, application string) (int, error) {
	return s.signal(ctx, "pg_terminate_backend(pid)", application)
}

func (s *guardSession) signal(ctx context.Context, call, application string) (int, error) {
	return s.number(ctx, fmt.Sprintf("SELECT count(%s) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database();", call, quoteText(application)))
}

// invalidSQL lists invalid indexes that were not there before, and whether another
// session has locked their table as the build of an index does: they may still be
// built.
const invalidSQL = `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
	EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.relation = i.indrelid AND l.locktype = 'relation' AND l.granted
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.mode = 'ShareUpdateExclusiveLock' AND a.backend_type = 'client backend' AND l.pid <> pg_backend_pid())
	FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND i.indexrelid <> ALL ('{%s}'::oid[]);`

// invalid lists the indexes that are not valid, apart from those known.
func (s *guardSession) invalid(ctx context.Context, known []string) (idle, busy []string, err error) {
	rows, err := s.query(ctx, fmt.Sprintf(invalidSQL, strings.Join(known, ",")))
	for _, row := range rows {
		if name, isBusy := strings.CutSuffix(row, "\tt"); isBusy {
			busy = append(busy, name)
		} else {
			idle = append(idle, strings.TrimSuffix(row, "\tf"))
		}
	}
	return idle, busy, err
}

func (s *guardSession) Invalid(ctx context.Context) ([]string, error) {
	idle, _, err := s.invalid(ctx, nil)
	return idle, err
}

func (s *guardSession) DropInvalid(ctx context.Context, known []string) (dropped, spared []string, err error) {
	names, spared, err := s.invalid(ctx, known)
	for _, name := range names {
		_, problem := s.ask(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name+";", dropLimit)
		if problem == nil {
			dropped = append(dropped, name)
		}
		err = errors.Join(err, problem)
	}
	return dropped, spared, err
}

func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
