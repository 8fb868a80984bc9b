package backup

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Contents is what a database held at one moment: what a copy of it must hold
// too.
type Contents struct {
	Tables    map[string]int64    `json:"tables"` // rows, by quoted name
	Sequences map[string]Sequence `json:"sequences,omitempty"`
	Objects   map[string]int64    `json:"objects,omitempty"` // how many there are, by kind
	Query     *Answer             `json:"query,omitempty"`   // of the query of the user
}

// Rows counts the rows of all tables.
func (c Contents) Rows() (sum int64) {
	for _, rows := range c.Tables {
		sum += rows
	}
	return sum
}

// Sequence is where a sequence stood. No snapshot holds it still: it is read
// before and after a dump, and the dump has a value in between.
type Sequence struct {
	From   int64 `json:"from"`
	To     int64 `json:"to"`
	Called bool  `json:"called"`           // the value was given out already, after the dump
	Cycles bool  `json:"cycles,omitempty"` // so that any value is in between
	Moved  bool  `json:"moved,omitempty"`  // it was used while the dump ran
}

// Answer is what the query of the user gave.
type Answer struct {
	SQL    string `json:"sql"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of all rows, whatever their order
}

// own tells objects of users from those of the system and of extensions, which
// come back with their extension.
const own = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS
	(SELECT FROM pg_catalog.pg_depend d WHERE d.classid = '%s'::regclass AND d.objid = %s.oid AND d.deptype = 'e')`

// usedSQL tells whether a database holds anything of its users.
var usedSQL = `(EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ` + fmt.Sprintf(own, "pg_class", "c") + `)
	OR EXISTS (SELECT FROM pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace WHERE ` + fmt.Sprintf(own, "pg_proc", "c") + `)
	OR EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql')
	OR EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata))`

// ofRelations lists relations of users, each with a statement to be run for it.
func ofRelations(statement, kinds string) string {
	return fmt.Sprintf(`SELECT format(%s, quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN (%s) AND c.relpersistence <> 't' AND %s ORDER BY 1 \gexec`, quoteText(statement), kinds, fmt.Sprintf(own, "pg_class", "c"))
}

// countSQL counts the rows of each table by itself, those of partitions with
// their partition.
var countSQL = ofRelations(`SELECT json_build_array(%1$L, count(*)) FROM ONLY %2$I.%3$I`, "'r'")

var sequenceSQL = ofRelations(`SELECT json_build_array(%1$L, s.last_value, s.is_called, p.seqcycle)
	FROM %2$I.%3$I s, pg_catalog.pg_sequence p WHERE p.seqrelid = %1$L::regclass`, "'S'")

// objectSQL counts what has no rows. Indexes that a failed build has left
// invalid are not dumped.
var objectSQL = strings.Join([]string{
	objectCount("indexes", `pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_class t ON t.oid = i.indrelid`, `i.indisvalid AND t.relkind IN ('r', 'm', 'p') AND `+fmt.Sprintf(own, "pg_class", "t")),
	objectCount("views", `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`, `c.relkind IN ('v', 'm', 'p', 'f') AND `+fmt.Sprintf(own, "pg_class", "c")),
	objectCount("functions", `pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace`, fmt.Sprintf(own, "pg_proc", "c")),
	objectCount("types", `pg_catalog.pg_type c JOIN pg_catalog.pg_namespace n ON n.oid = c.typnamespace`, `c.typtype IN ('e', 'd', 'r') AND `+fmt.Sprintf(own, "pg_type", "c")),
	objectCount("triggers", `pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
		`NOT g.tgisinternal AND `+fmt.Sprintf(own, "pg_class", "c")),
	objectCount("constraints", `pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
		`k.contype IN ('c', 'f', 'p', 'u', 'x') AND `+fmt.Sprintf(own, "pg_class", "c")),
	objectCount("extensions", `pg_catalog.pg_extension`, `true`),
	objectCount("large objects", `pg_catalog.pg_largeobject_metadata`, `true`),
}, " UNION ALL ")

func objectCount(kind, from, where string) string {
	return fmt.Sprintf("SELECT json_build_array('%s', count(*)) FROM %s WHERE %s", kind, from, where)
}

// counted is a name with a number.
type counted struct {
	name  string
	count int64
}

// UnmarshalJSON reads ["name", 1].
func (c *counted) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&c.name, &c.count})
}

type positioned struct {
	name     string
	sequence Sequence
}

// UnmarshalJSON reads ["name", value, called, cycles].
func (p *positioned) UnmarshalJSON(data []byte) error {
	err := json.Unmarshal(data, &[]any{&p.name, &p.sequence.From, &p.sequence.Called, &p.sequence.Cycles})
	p.sequence.To = p.sequence.From
	return err
}

// sequences reads where the sequences stand now.
func (s *session) sequences() (map[string]Sequence, error) {
	found, err := askJSON[positioned](s, sequenceSQL)
	if err != nil {
		return nil, err
	}
	sequences := map[string]Sequence{}
	for _, one := range found {
		sequences[one.name] = one.sequence
	}
	return sequences, nil
}

// contents counts everything but the sequences.
func (s *session) contents(query string) (Contents, error) {
	found := Contents{Tables: map[string]int64{}, Objects: map[string]int64{}}
	for _, part := range []struct {
		sql  string
		into map[string]int64
	}{{countSQL, found.Tables}, {objectSQL, found.Objects}} {
		lines, err := askJSON[counted](s, part.sql)
		if err != nil {
			return found, err
		}
		for _, line := range lines {
			part.into[line.name] = line.count
		}
	}
	if query == "" {
		return found, nil
	}
	answer, err := s.answer(query)
	found.Query = &answer
	return found, err
}

// answer runs the query of the user.
func (s *session) answer(query string) (Answer, error) {
	query = strings.TrimRight(strings.TrimSpace(query), "; \t\n")
	found, err := askJSON[Answer](s, `SELECT json_build_object('rows', count(*), 
	'sha256', encode(sha256(convert_to(coalesce(string_agg(q::text, chr(10) ORDER BY q::text COLLATE "C"), ''), 'UTF8')), 'hex')) FROM (`+query+"\n) q")
	if err != nil {
		return Answer{}, fmt.Errorf("x-gapless.backup.query: %w", err)
	}
	if len(found) != 1 {
		return Answer{}, fmt.Errorf("x-gapless.backup.query gave %d answers", len(found))
	}
	found[0].SQL = query
	return found[0], nil
}
