package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Activity is what a server has counted for one table: rows that were ever
// inserted, updated and deleted.
type Activity struct {
	Inserted int64 `json:"inserted,omitempty"`
	Updated  int64 `json:"updated,omitempty"`
	Deleted  int64 `json:"deleted,omitempty"`
}

// Counters are those of a database at one moment. Those of another epoch count
// from another beginning.
type Counters struct {
	Epoch  string              `json:"epoch"`
	Tables map[string]Activity `json:"tables"`
}

// epochSQL changes when a database is another one, or its counters were reset.
const epochSQL = `SELECT to_json(concat_ws('/', d.oid, s.stats_reset)) FROM pg_catalog.pg_database d JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()`

const activitySQL = `SELECT json_build_array(quote_ident(schemaname) || '.' || quote_ident(relname), n_tup_ins, n_tup_upd, n_tup_del) FROM pg_catalog.pg_stat_user_tables`

type active struct {
	name string
	Activity
}

// UnmarshalJSON reads ["name", inserted, updated, deleted].
func (a *active) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&a.name, &a.Inserted, &a.Updated, &a.Deleted})
}

// counters reads what the server has counted so far; nil: it has counted nothing.
func (s *session) counters() (*Counters, error) {
	epoch, err := askJSON[string](s, epochSQL)
	if err != nil || len(epoch) != 1 {
		return nil, err
	}
	found, err := askJSON[active](s, activitySQL)
	if err != nil {
		return nil, err
	}
	c := &Counters{Epoch: epoch[0], Tables: map[string]Activity{}}
	for _, one := range found {
		c.Tables[one.name] = one.Activity
	}
	return c, nil
}

// TableSince is what became of a table since a backup.
type TableSince struct {
	Database string
	Table    string
	Was, Is  int64 // rows
	Exact    bool  // Is was counted; else it is an estimate of the server
	New      bool  // the backup lacks it
	Counted  bool  // the server has counted what was written
	Activity
}

// losses is about how many rows a restore would lose.
func (t TableSince) losses() int64 {
	if t.Counted {
		return t.Inserted + t.Updated + t.Deleted
	}
	return max(t.Is-t.Was, t.Was-t.Is)
}

// String says it in words.
func (t TableSince) String() string {
	about := "about "
	if t.Exact {
		about = ""
	}
	switch {
	case t.New:
		return fmt.Sprintf("%s: %s%d rows, of which the backup has none", t.Table, about, t.Is)
	case t.Counted:
		return fmt.Sprintf("%s: %d inserted, %d updated, %d deleted", t.Table, t.Inserted, t.Updated, t.Deleted)
	}
	return fmt.Sprintf("%s: %s%d rows, and %d in the backup", t.Table, about, t.Is, t.Was)
}

// tableNow is a table as it is.
type tableNow struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Small bool   `json:"small"`
}

// countedBytes is the size up to which a table is counted: that takes a moment,
// and whoever looks at a plan waits for it.
const countedBytes = 16 << 20

var tablesNowSQL = fmt.Sprintf(`SELECT json_build_object('name', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
	'rows', coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples::bigint, 0)), 'small', pg_relation_size(c.oid) <= %d)
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND %s`, countedBytes, fmt.Sprintf(own, "pg_class", "c"))

// brief keeps a look from waiting for anybody.
const brief = "SET lock_timeout = '2s'; SET statement_timeout = '4s'"

// Since finds out what was written to the databases of a backup since it was
// made, the most first, and which of them are not there any more. It is exact
// where that is cheap.
func (m *Maker) Since(ctx context.Context, manifest Manifest) (found []TableSince, gone []string, err error) {
	found, gone, err = m.sinceThen(ctx, manifest, true)
	if err != nil && ctx.Err() == nil {
		return m.sinceThen(ctx, manifest, false) // somebody may have locked a table
	}
	return found, gone, err
}

func (m *Maker) sinceThen(ctx context.Context, manifest Manifest, count bool) (found []TableSince, gone []string, err error) {
	c, err := m.client(ctx)
	if err != nil {
		return nil, nil, err
	}
	s := openSession(ctx, m.Engine, c, stepAsk, administrative)
	there, err := askJSON[string](s, "SELECT to_json(datname) FROM pg_catalog.pg_database")
	for _, d := range manifest.Databases {
		if err != nil {
			break
		}
		if !slices.Contains(there, d.Name) {
			gone = append(gone, d.Name)
			continue
		}
		var some []TableSince
		some, err = s.since(d, count)
		found = append(found, some...)
	}
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	slices.SortStableFunc(found, func(a, b TableSince) int { return cmp.Compare(b.losses(), a.losses()) })
	return found, gone, err
}

// since looks at one database.
func (s *session) since(d Database, count bool) ([]TableSince, error) {
	if err := s.switchTo(d.Name); err != nil {
		return nil, err
	}
	if _, err := s.ask(brief); err != nil {
		return nil, err
	}
	tables, err := askJSON[tableNow](s, tablesNowSQL)
	if err != nil {
		return nil, err
	}
	counters, err := s.counters()
	if err != nil {
		return nil, err
	}
	exact := map[string]int64{}
	if count {
		if exact, err = s.countSmall(tables); err != nil {
			return nil, err
		}
	}
	var found []TableSince
	for _, t := range tables {
		was, known := d.Tables[t.Name]
		one := TableSince{Database: d.Name, Table: t.Name, Was: was, Is: t.Rows, New: !known}
		if rows, counted := exact[t.Name]; counted {
			one.Is, one.Exact = rows, true
		}
		one.Activity, one.Counted = since(d.Counters, counters, t.Name)
		if one.Exact && one.losses() == 0 && one.Is != one.Was {
			one.Counted = false // the server has forgotten something
		}
		if one.losses() > 0 || one.Is != one.Was && one.Exact {
			found = append(found, one)
		}
	}
	return found, s.switchTo(administrative)
}

// countSmall counts the rows of small tables.
func (s *session) countSmall(tables []tableNow) (map[string]int64, error) {
	var parts []string
	for _, t := range tables {
		if t.Small {
			parts = append(parts, "SELECT json_build_array("+quoteText(t.Name)+", count(*)) FROM ONLY "+t.Name)
		}
	}
	rows := map[string]int64{}
	for chunk := range slices.Chunk(parts, 50) {
		lines, err := askJSON[counted](s, strings.Join(chunk, "\nUNION ALL "))
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			rows[line.name] = line.count
		}
	}
	return rows, nil
}

// since is what the server has counted since; false where it began anew.
func since(then, now *Counters, table string) (Activity, bool) {
	if then == nil || now == nil || then.Epoch != now.Epoch {
		return Activity{}, false
	}
	was, known := then.Tables[table]
	is := now.Tables[table]
	between := Activity{Inserted: is.Inserted - was.Inserted, Updated: is.Updated - was.Updated, Deleted: is.Deleted - was.Deleted}
	if !known || min(between.Inserted, between.Updated, between.Deleted) < 0 {
		return Activity{}, false
	}
	return between, true
}

// Lost says in one sentence what a restore would lose; empty: nothing is known to
// be lost.
func Lost(found []TableSince) string {
	const shown = 8
	var words []string
	names := map[string]bool{}
	for _, t := range found {
		names[t.Database] = true
	}
	for _, t := range found[:min(shown, len(found))] {
		text := t.String()
		if len(names) > 1 {
			text = t.Database + "." + text
		}
		words = append(words, text)
	}
	if more := len(found) - shown; more > 0 {
		words = append(words, fmt.Sprintf("and %d more tables", more))
	}
	return strings.Join(words, "; ")
}
