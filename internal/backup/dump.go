package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// about is what a server says of itself.
type about struct {
	Server  string   `json:"server"`
	Major   int      `json:"major"`
	Dumper  string   `json:"dumper"`
	Preload string   `json:"preload"`
	Roles   []string `json:"roles"`
}

// The client has the version of the other tools of its image.
const aboutSQL = `SELECT json_build_object('server', version(), 'major', current_setting('server_version_num')::int / 10000,
	'dumper', :'VERSION', 'preload', current_setting('shared_preload_libraries'),
	'roles', (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'))`

// listed is a database of a server.
type listed struct {
	Name       string         `json:"name"`
	Size       int64          `json:"size"`
	Properties map[string]any `json:"properties"`
}

// keptMark begins the comment of a database that a restore has put aside, and
// keptInfix is in its name: what got its old name back counts as any other.
const (
	keptMark  = "gapless: "
	keptInfix = "_before_"
)

// restorePrefix begins the names of databases that a restore fills.
const restorePrefix = "gapless_restore_"

var listSQL = `SELECT json_build_object('name', datname, 'size', pg_database_size(oid), 'properties', to_jsonb(d) - 'datacl')
	FROM pg_catalog.pg_database d WHERE datallowconn AND NOT datistemplate AND NOT starts_with(datname, '` + restorePrefix + `')
	AND NOT (starts_with(coalesce(shobj_description(oid, 'pg_database'), ''), '` + keptMark + `') AND strpos(datname, '` + keptInfix + `') > 0) ORDER BY datname`

// administrative is a database that every server has and that nobody renames.
const administrative = "template1"

// ErrNothing says that a server has only databases that nobody has used yet.
var ErrNothing = errors.New("the server has no database to back up")

// Dump writes what the server holds now into a backup that is not finished:
// only Prove makes it one.
func (m *Maker) Dump(ctx context.Context, say func(string)) (err error) {
	if m.seal, err = newSeal(m.Recipients); err != nil {
		return err
	}
	directory, err := m.Store.begin(m.ID())
	if err != nil {
		return fmt.Errorf("backup directory: %w", err)
	}
	began := m.Now()
	manifest := Manifest{Format: ManifestFormat, Kind: m.kind().Kind(), ID: m.ID(), Project: m.Project, Service: m.Service, Release: m.Release, Tool: m.Tool,
		Started: began.UTC(), Recipients: m.Recipients}
	if err := m.kind().dump(ctx, m, directory, &manifest, say); err != nil {
		return err
	}
	manifest.DumpTook = m.Now().Sub(began)
	return save(directory, manifest)
}

// dumpDatabases dumps each database of a Postgres.
func (m *Maker) dumpDatabases(ctx context.Context, directory string, manifest *Manifest, say func(string)) error {
	c, err := m.client(ctx)
	if err != nil {
		return err
	}
	manifest.ImageID, manifest.User = c.server.ImageID, c.server.User
	databases, err := m.survey(ctx, c, manifest)
	if err != nil {
		return err
	}
	if err := m.checkRoom(ctx, databases); err != nil {
		return err
	}
	for _, database := range databases {
		file := fmt.Sprintf("%d.dump", len(manifest.Databases)+1)
		dumped, err := m.dumpOne(ctx, c, database, filepath.Join(directory, file), say)
		if err != nil {
			return fmt.Errorf("dump of database %s: %w", database.Name, err)
		}
		if dumped != nil {
			manifest.Databases = append(manifest.Databases, *dumped)
		}
	}
	if len(manifest.Databases) == 0 {
		return ErrNothing
	}
	if !slices.ContainsFunc(databases, func(one listed) bool { return one.Name == c.server.Database }) && m.Query != "" {
		return fmt.Errorf("x-gapless.backup.query is asked in the database %s (POSTGRES_DB), which the server does not have", c.server.Database)
	}
	return nil
}

// checkRoom looks for the room of the proof, before a dump that takes hours would
// be for nothing.
func (m *Maker) checkRoom(ctx context.Context, databases []listed) error {
	size := int64(0)
	for _, database := range databases {
		size += database.Size
	}
	memory, disk := m.Engine.Room(ctx)
	_, err := scratchSize(size, memory, disk)
	return err
}

// survey asks the server about itself and its databases.
func (m *Maker) survey(ctx context.Context, c client, manifest *Manifest) ([]listed, error) {
	s := openSession(ctx, m.Engine, c, stepAsk, administrative)
	found, err := askJSON[about](s, aboutSQL)
	var databases []listed
	if err == nil {
		databases, err = askJSON[listed](s, listSQL)
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", m.Service, err)
	}
	said := found[0]
	manifest.Server, manifest.Major, manifest.Dumper, manifest.Preload, manifest.Roles = said.Server, said.Major, said.Dumper, said.Preload, said.Roles
	return databases, nil
}

// dumpOne dumps one database, and counts what is in it within the same
// snapshot. The database postgres is left out where nobody uses it.
func (m *Maker) dumpOne(ctx context.Context, c client, database listed, path string, say func(string)) (*Database, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s := openSession(ctx, m.Engine, c, stepSnapshot, database.Name)
	dumped, err := m.dumpIn(ctx, fail, s, c, database, path, say)
	if err != nil {
		fail(err)
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return dumped, err
}

// exported is a snapshot that other sessions can share.
type exported struct {
	Snapshot string `json:"snapshot"`
	LSN      string `json:"lsn"`
	Used     bool   `json:"used"`
}

var exportSQL = `SELECT json_build_object('snapshot', pg_export_snapshot(),
	'lsn', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
	'used', ` + usedSQL + `)`

func (m *Maker) dumpIn(ctx context.Context, fail context.CancelCauseFunc, s *session, c client, database listed, path string, say func(string)) (*Database, error) {
	if _, err := s.ask("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"); err != nil {
		return nil, err
	}
	snapshots, err := askJSON[exported](s, exportSQL)
	if err != nil {
		return nil, err
	}
	if !snapshots[0].Used && database.Name == "postgres" {
		return nil, nil
	}
	before, err := s.sequences()
	if err != nil {
		return nil, err
	}
	counters, err := s.counters()
	if err != nil {
		return nil, err
	}
	dumped := &Database{Name: database.Name, Counters: counters, Sealed: m.seal != nil, Size: database.Size, LSN: snapshots[0].LSN, Properties: database.Properties}
	if dumped.Sealed {
		path += ".age"
	}
	dumped.File = filepath.Base(path)
	query := ""
	if database.Name == c.server.Database {
		query = m.Query
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		if err := m.write(ctx, c, snapshots[0].Snapshot, path, dumped, say); err != nil {
			fail(err) // the counts are for nothing
		}
	}()
	contents, err := s.contents(query)
	if err != nil {
		fail(err)
	}
	<-written
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // what went wrong first
	}
	after, err := s.sequences()
	if err != nil {
		return nil, err
	}
	dumped.Contents = contents
	dumped.Sequences = between(before, after)
	_, err = s.ask("COMMIT")
	return dumped, err
}

// write runs pg_dump and keeps what it says. Whatever part of the way fails, the
// dump has failed.
func (m *Maker) write(ctx context.Context, c client, snapshot, path string, dumped *Database, say func(string)) error {
	file, err := createDump(path, m.seal)
	if err != nil {
		return err
	}
	command := c.command(stepDump, dumped.Name, "pg_dump", "--format=custom", "--no-password", "--lock-wait-timeout="+lockTimeout, "--snapshot="+snapshot)
	command.Stdout = file
	err = telling(ctx, say, dumped.Name, m.expected(dumped.Name, dumped.Size), file.count.Load, func() error { return m.Engine.Run(ctx, command) })
	stored, plain, closeErr := file.finish()
	if err == nil {
		err = closeErr // else it says the same again
	}
	if err != nil {
		return err
	}
	dumped.Stored, dumped.Plain = stored, plain
	return nil
}

// expected guesses the length of a dump by that of the last one; 0: there is
// none.
func (m *Maker) expected(name string, size int64) int64 {
	last, ok := m.newest()
	if !ok {
		return 0
	}
	for _, d := range last.Databases {
		if d.Name == name && d.Size > 0 {
			return int64(float64(d.Plain.Bytes) * float64(size) / float64(d.Size))
		}
	}
	return 0
}
