package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"gapless/internal/update"
)

// Restoration is a backup that was found good for a server that runs: nothing
// was written yet.
type Restoration struct {
	Stored
	Replaced []Replaced // what the backup takes the place of

	client     client
	identities []age.Identity
	databases  []target
	files      *filesMark // of the kinds that are files; nil: it is a Postgres
	server     redisFiles
}

// Replaced is a database or a volume of today, which stays under another name.
type Replaced struct {
	What  string // in front of the name; empty: database
	Name  string
	Kept  string
	Used  bool   // it holds something
	Rows  int64  // about, as the statistics say
	Holds string // in words, where there are no rows

	drop string
}

// Drop is the statement or command for whoever does not need it any more.
func (r Replaced) Drop() string {
	if r.drop != "" {
		return r.drop
	}
	return "DROP DATABASE " + quoteName(r.Kept)
}

// Today says what is there, in words.
func (r Replaced) Today() string {
	what, holds := "database", fmt.Sprintf("holds about %d rows, as its statistics say", r.Rows)
	if r.What != "" {
		what, holds = r.What, "holds "+r.Holds
	}
	if !r.Used {
		holds = "is empty"
	}
	return fmt.Sprintf("%s %s of today %s", what, r.Name, holds)
}

// Loses tells whether anything of today gets out of sight.
func (r *Restoration) Loses() bool {
	return slices.ContainsFunc(r.Replaced, func(one Replaced) bool { return one.Used })
}

// target is one database on its way back.
type target struct {
	Database
	fresh  string // name while it is filled
	kept   string // name of the database of today afterwards; empty: there is none
	owner  string
	exists bool
}

// MajorError says that a backup is of another version of Postgres.
type MajorError struct{ Of, Here int }

func (e *MajorError) Error() string {
	return fmt.Sprintf("this is a backup of Postgres %d, and the server is Postgres %d", e.Of, e.Here)
}

// Hint tells what to do about it.
func (e *MajorError) Hint() string {
	return fmt.Sprintf("run the service with an image of Postgres %d and restore there", e.Of)
}

// CheckRestore looks at everything that can be looked at before something is
// written: whose the backup is, every byte of it, and the server that shall have
// it.
func (m *Maker) CheckRestore(ctx context.Context, stored Stored, identities []age.Identity, say func(string)) (*Restoration, error) {
	if err := m.belongs(stored.Manifest); err != nil {
		return nil, err
	}
	r := &Restoration{Stored: stored, identities: identities}
	return r, m.kind().check(ctx, m, r, say)
}

// checkDatabases is the check of a backup of a Postgres.
func (m *Maker) checkDatabases(ctx context.Context, r *Restoration, say func(string)) (err error) {
	if r.client, err = m.client(ctx); err != nil {
		return err
	}
	if err := m.fits(ctx, r); err != nil {
		return err
	}
	for _, d := range r.Databases {
		if err := m.readTest(ctx, r.Directory, r.client.server.ImageID, d, r.identities, say); err != nil {
			return m.note(r.Stored, err)
		}
	}
	return nil
}

// today is what a server says of a database that it has.
type today struct {
	Name      string `json:"name"`
	Owner     string `json:"owner"`
	Directory string `json:"directory"` // of all data
}

const todaySQL = `SELECT json_build_object('name', datname, 'owner', pg_get_userbyid(datdba), 'directory', current_setting('data_directory'))
	FROM pg_catalog.pg_database`

// fits holds the manifest against the server.
func (m *Maker) fits(ctx context.Context, r *Restoration) (err error) {
	s := openSession(ctx, m.Engine, r.client, stepAsk, administrative)
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}()
	said, err := askJSON[about](s, aboutSQL)
	if err != nil {
		return err
	}
	if said[0].Major != r.Major {
		return &MajorError{Of: r.Major, Here: said[0].Major}
	}
	if missing := slices.DeleteFunc(slices.Clone(r.Roles), func(role string) bool { return slices.Contains(said[0].Roles, role) }); len(missing) > 0 {
		return fmt.Errorf("the server has no role %s, to which objects of the backup may belong: create it first", strings.Join(missing, ", "))
	}
	found, err := askJSON[today](s, todaySQL)
	if err != nil {
		return err
	}
	if free := m.Engine.DataRoom(ctx, r.client.server, found[0].Directory); free > 0 && free < r.Size()+r.Size()/2+scratchBase {
		return fmt.Errorf("the disk of the database has %s left, and a second copy needs about %s: a full disk would stop the server",
			update.BytesText(free), update.BytesText(r.Size()+r.Size()/2+scratchBase))
	}
	return m.plan(s, r, found)
}

// plan gives names to the databases that come and go.
func (m *Maker) plan(s *session, r *Restoration, found []today) error {
	suffix := strings.ReplaceAll(m.ID(), "-", "_")
	for i, d := range r.Databases {
		t := target{Database: d, fresh: fmt.Sprintf("%s%s_%d", restorePrefix, suffix, i+1), owner: r.client.server.User}
		for _, one := range found {
			if one.Name != d.Name {
				continue
			}
			t.exists, t.owner = true, one.Owner
			rows, used, err := held(s, d.Name)
			if err != nil {
				return err
			}
			t.kept = keptName(d.Name, suffix)
			r.Replaced = append(r.Replaced, Replaced{Name: d.Name, Kept: t.kept, Used: used, Rows: rows})
		}
		r.databases = append(r.databases, t)
	}
	return nil
}

// longestName is that of Postgres, in bytes.
const longestName = 63

// keptName is how a database is called that was put aside.
func keptName(name, suffix string) string {
	suffix = keptInfix + suffix
	return strings.ToValidUTF8(name[:min(len(name), longestName-len(suffix))], "") + suffix
}

// held tells whether a database holds anything of its users. The number of rows
// is an estimate: counting could take as long as the restore.
func held(s *session, name string) (rows int64, used bool, err error) {
	if err := s.switchTo(name); err != nil {
		return 0, false, err
	}
	found, err := askJSON[struct {
		Rows int64 `json:"rows"`
		Used bool  `json:"used"`
	}](s, `SELECT json_build_object('rows', (SELECT coalesce(sum(coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples::bigint, 0))), 0) FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND `+fmt.Sprintf(own, "pg_class", "c")+`),
		'used', `+usedSQL+`)`)
	if err != nil {
		return 0, false, err
	}
	return found[0].Rows, found[0].Used, s.switchTo(administrative)
}

// restoreDatabases fills new databases beside those of today, compares them with the
// manifest, and exchanges the names of all in one transaction: whoever is
// connected is cut off once, and finds the restored ones. The databases of today
// stay under other names. After any error but UnclearError they are as they were.
func (m *Maker) restoreDatabases(ctx context.Context, r *Restoration, say func(string)) error {
	if err := m.markRestore(r); err != nil {
		return err
	}
	err := m.fill(ctx, r, say)
	if err == nil {
		say("exchange the databases")
		err = m.exchange(ctx, r)
	}
	// What was not exchanged goes away, also when somebody wants to stop.
	left := m.sweepDatabases(context.WithoutCancel(ctx))
	if err == nil && left != nil && m.Notice != nil {
		m.Notice(left.Error())
		return nil
	}
	return errors.Join(err, left)
}

func (m *Maker) fill(ctx context.Context, r *Restoration, say func(string)) error {
	s := openSession(ctx, m.Engine, r.client, stepAsk, administrative)
	var err error
	for _, t := range r.databases {
		if err == nil {
			_, err = s.ask(createDatabase(t.fresh, t.Database, t.owner))
		}
		if err == nil {
			err = m.copyInto(ctx, r.client, r.Directory, t.Database, t.fresh, r.identities, say)
		}
		if err == nil {
			err = m.compareIn(s, t.Database, t.fresh, say)
		}
		if err == nil {
			err = takeOver(s, t, say)
		}
	}
	if err != nil {
		_ = s.close()
		return err
	}
	return s.close()
}

// takeOver gives a restored database the statistics that plans of queries need,
// and what today's has by itself: settings and rights.
func takeOver(s *session, t target, say func(string)) error {
	say("analyze " + t.Name)
	if err := s.switchTo(t.fresh); err != nil {
		return err
	}
	if _, err := s.ask("ANALYZE"); err != nil {
		return err
	}
	if err := s.switchTo(administrative); err != nil || !t.exists {
		return err
	}
	_, err := s.ask(strings.NewReplacer("$TODAY", quoteText(t.Name), "$FRESH", quoteText(t.fresh)).Replace(takeOverSQL))
	return err
}

// takeOverSQL copies the settings as they are: their lists have quotes of their
// own, and some cannot be set in a session that lasts.
const takeOverSQL = `INSERT INTO pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
	SELECT f.oid, s.setrole, s.setconfig FROM pg_catalog.pg_db_role_setting s
	JOIN pg_catalog.pg_database t ON t.oid = s.setdatabase AND t.datname = $TODAY
	JOIN pg_catalog.pg_database f ON f.datname = $FRESH;
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $FRESH, datconnlimit) FROM pg_catalog.pg_database WHERE datname = $TODAY AND datconnlimit >= 0 \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $FRESH) FROM pg_catalog.pg_database WHERE datname = $TODAY AND datacl IS NOT NULL \gexec
SELECT format('GRANT %s ON DATABASE %I TO %s', a.privilege_type, $FRESH, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
	FROM pg_catalog.pg_database d, aclexplode(d.datacl) a WHERE d.datname = $TODAY \gexec`

// restoreMark is the file that says which databases a restore fills, so that the
// next start can remove them.
const restoreMark = "restore.json"

func (m *Maker) markRestore(r *Restoration) error {
	var names []string
	for _, t := range r.databases {
		names = append(names, t.fresh)
	}
	content, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(m.Store.directory, restoreMark), content)
}

// sweepDatabases drops databases that a restore was filling when it died.
func (m *Maker) sweepDatabases(ctx context.Context) error {
	path := filepath.Join(m.Store.directory, restoreMark)
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var names []string
	if err == nil {
		err = json.Unmarshal(content, &names)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c, err := m.client(ctx)
	if err != nil {
		return err
	}
	s := openSession(ctx, m.Engine, c, stepAsk, administrative)
	for _, name := range names {
		if !strings.HasPrefix(name, restorePrefix) {
			continue // nobody but us writes this file, and nothing else is dropped
		}
		if _, err = s.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " + quoteText(name) +
			";\nDROP DATABASE IF EXISTS " + quoteName(name)); err != nil {
			break
		}
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("remove what a restore has left: %w", err)
	}
	return errors.Join(os.Remove(path), syncPath(m.Store.directory))
}
