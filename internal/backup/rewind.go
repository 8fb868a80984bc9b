package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"gapless/internal/update"
)

// Rewind restores a backup in steps that can be taken back, each by another
// process if need be: all names are those of the plan, and what was done already
// is asked of the server.
type Rewind struct {
	*Maker
	Identities []age.Identity // nobody but Fill needs them
}

// UnprovenError says that a backup does not count.
type UnprovenError struct{ ID, Damaged string }

func (e *UnprovenError) Error() string {
	if e.Damaged != "" {
		return fmt.Sprintf("backup %s is damaged: %s", e.ID, e.Damaged)
	}
	return fmt.Sprintf("backup %s was never proven", e.ID)
}

// Hint tells what to do about it.
func (e *UnprovenError) Hint() string { return "gapless backup verify " + e.ID + " says more" }

// TakenError says that the name which a database is to be kept under is in use.
type TakenError struct{ Name string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("the server has a database %s already, of an earlier restore", e.Name)
}

// Hint tells what to do about it.
func (e *TakenError) Hint() string {
	return "drop it if you do not need it, or give it another name: DROP DATABASE " + quoteName(e.Name)
}

// Check looks at everything that can be looked at before something is written,
// and plans the names: those of today are kept under the number of the release
// that the rollback makes.
func (w *Rewind) Check(ctx context.Context, stored Stored, release int, say func(string)) (*update.Restore, error) {
	if stored.Problem != nil {
		return nil, stored.Problem
	}
	if !stored.Proven() {
		return nil, &UnprovenError{stored.ID, stored.Damaged}
	}
	r, err := w.CheckRestore(ctx, stored, w.Identities, say)
	if err != nil {
		return nil, err
	}
	planned := &update.Restore{Service: w.Service, Backup: stored.ID, Bytes: stored.Size(), Takes: stored.ProofTook}
	for i, t := range r.databases {
		suffix := fmt.Sprintf("r%d", release)
		one := update.Exchanged{Name: t.Name, Fresh: fmt.Sprintf("%s%s_%d", restorePrefix, suffix, i+1)}
		if t.exists {
			one.Kept = keptName(t.Name, suffix)
		}
		planned.Databases = append(planned.Databases, one)
	}
	return planned, w.namesFree(ctx, planned.Databases)
}

// namesFree refuses names to keep databases under that are taken, also by each
// other: long ones are cut off.
func (w *Rewind) namesFree(ctx context.Context, databases []update.Exchanged) error {
	there, err := w.there(ctx)
	if err != nil {
		return err
	}
	for _, d := range databases {
		if d.Kept != "" && slices.Contains(there, d.Kept) {
			return &TakenError{d.Kept}
		}
		there = append(there, d.Kept)
	}
	return nil
}

// there lists the databases of the server.
func (w *Rewind) there(ctx context.Context) (names []string, err error) {
	err = w.inSession(ctx, func(s *session) error {
		names, err = askJSON[string](s, "SELECT to_json(datname) FROM pg_catalog.pg_database")
		return err
	})
	return names, err
}

// inSession asks the server that runs.
func (w *Rewind) inSession(ctx context.Context, act func(*session) error) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	s := openSession(ctx, w.Engine, c, stepAsk, administrative)
	err = act(s)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}

// Fill implements update.Restores.
func (w *Rewind) Fill(ctx context.Context, backup string, databases []update.Exchanged, say func(string)) error {
	stored, err := w.Store.Find(backup)
	if err != nil {
		return err
	}
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	r := &Restoration{Stored: stored, client: c, identities: w.Identities}
	err = w.inSession(ctx, func(s *session) error {
		found, err := askJSON[today](s, todaySQL)
		if err != nil {
			return err
		}
		for _, d := range databases {
			t, err := targetOf(stored, d, c.server.User, found)
			if err != nil {
				return err
			}
			r.databases = append(r.databases, t)
			if _, err := s.ask(dropSQL(d.Fresh)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.fill(ctx, r, say)
}

// targetOf finds the dump of a database, and whose the restored one will be.
func targetOf(stored Stored, d update.Exchanged, user string, found []today) (target, error) {
	at := slices.IndexFunc(stored.Databases, func(one Database) bool { return one.Name == d.Name })
	if at < 0 || !strings.HasPrefix(d.Fresh, restorePrefix) {
		return target{}, fmt.Errorf("backup %s has no database %s to fill %s from", stored.ID, d.Name, d.Fresh)
	}
	t := target{Database: stored.Databases[at], fresh: d.Fresh, kept: d.Kept, owner: user}
	for _, one := range found {
		if one.Name == d.Name {
			t.owner, t.exists = one.Owner, true
		}
	}
	return t, nil
}

// dropSQL drops a database that is ours, whoever is still connected.
func dropSQL(name string) string {
	return "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = " + quoteText(name) + ";\nDROP DATABASE IF EXISTS " + quoteName(name)
}

// writtenSQL counts what was ever written to the tables of a database. Servers
// before 15 are told it by their sessions only now and then.
const writtenSQL = `SELECT to_json(concat_ws('/', count(*), sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del))) FROM pg_sleep(1), LATERAL (SELECT * FROM pg_catalog.pg_stat_user_tables) t`

// Written implements update.Restores.
func (w *Rewind) Written(ctx context.Context, databases []update.Exchanged) (words []string, err error) {
	err = w.inSession(ctx, func(s *session) error {
		words, err = writtenTo(s, databases)
		return err
	})
	return words, err
}

func writtenTo(s *session, databases []update.Exchanged) (words []string, err error) {
	for _, d := range databases {
		if err := s.switchTo(d.Fresh); err != nil {
			return nil, err
		}
		found, err := askJSON[string](s, writtenSQL)
		if err != nil {
			return nil, err
		}
		words = append(words, strings.Join(found, " "))
	}
	return words, s.switchTo(administrative)
}

// Back is how the databases of before a rollback get their names back, and how
// they go.
func Back(kept []update.Exchanged) (back, drop []string) {
	for _, d := range kept {
		back = append(back, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s RENAME TO %[1]s",
			quoteName(d.Name), quoteName(keptName(d.Name, "rollback")), quoteName(d.Kept)))
		drop = append(drop, Replaced{Kept: d.Kept}.Drop())
	}
	return back, drop
}

// pauses between attempts to take an exchange back: what serves depends on it.
var backPauses = []time.Duration{time.Second, 3 * time.Second, 10 * time.Second}

// errNotExchanged says that a script ran to its end and did not do its work.
var errNotExchanged = errors.New("the databases do not have the names that they should have")
