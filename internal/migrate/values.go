package migrate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gapless/internal/migrate/ddl"
	"gapless/internal/update"
)

// widened tells whether every column whose type differs takes what it took.
func widened(before, after catalog) bool {
	for table, columns := range before.tables {
		for name, was := range columns {
			if is, there := after.tables[table][name]; there && !takes(is.kind, &was.kind) {
				return false
			}
		}
	}
	return true
}

// survived takes back what the statements say by themselves about the old code,
// once its models have been compared with the schema.
func (m *Migration) survived() {
	if len(m.BreaksOld) > 0 {
		return
	}
	for i := range m.Statements {
		s := &m.Statements[i]
		if s.Class == update.ClassUnknown {
			continue
		}
		if s.Class = strings.ReplaceAll(s.Class, "b", ""); s.Class == "" {
			s.Class, s.Safer = update.ClassSafe, ""
		}
	}
}

// reads is a query of rows; those of the catalog are none.
var (
	reads     = regexp.MustCompile(`(?is)^\s*(select|with)\b`)
	ofCatalog = regexp.MustCompile(`(?i)\b(from|join)\s+"?(pg_[a-z_]+|information_schema)\b|\bsetval\(pg_get_serial_sequence\(`)
	// records are written by the tool itself.
	records = regexp.MustCompile(`(?is)^\s*(insert\s+into|update|delete\s+from)\s+("?\w+"?\.)?"?(` + strings.Join(recordTables, "|") + `)"?[\s(]`)
)

// runsCode tells whether a migration decides by a program what it does. Of other
// tools than Django nobody says it.
func (s sight) runsCode(name string) bool {
	return s.due == nil || slices.ContainsFunc(s.due[name].Operations, func(o operation) bool { return o.Code })
}

// query looks at a statement that only reads. A program that reads rows in the
// shadow finds none: what it does with those of production is not seen.
func (s sight) query(m *Migration, seen tracedStatement, static ddl.Statement) {
	if !reads.MatchString(static.SQL) || ofCatalog.MatchString(seen.SQL) {
		return
	}
	if static.Class&ddl.Opaque != 0 {
		m.Unknown = appendNew(m.Unknown, static.Why)
	}
	if s.first == nil || !s.runsCode(m.Name) {
		return
	}
	for table := range s.first.tables {
		if isRecord(table) {
			continue // the shadow has its rows
		}
		size, known := s.sizes[table]
		if !known {
			size = update.Table{Name: table}
		}
		if (!known || size.Bytes > 0) && mentions(seen.SQL, table) {
			m.Unknown = appendNew(m.Unknown, "its code reads "+size.String()+": what it does with the rows is not seen in an empty shadow")
		}
	}
}

// isRecord tells whether a tool notes in a table which migrations have run.
func isRecord(table string) bool {
	return slices.Contains(recordTables, table[strings.LastIndexByte(table, '.')+1:])
}

// mentions tells whether SQL names a table.
func mentions(sql, table string) bool {
	bare := table[strings.LastIndexByte(table, '.')+1:]
	return strings.Contains(sql, `"`+bare+`"`) || regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(bare)+`\b`).MatchString(sql)
}

// Changed columns of an UPDATE.
var (
	updates  = regexp.MustCompile(`(?is)^\s*update\s+(?:only\s+)?((?:"?\w+"?\.)?"?\w+"?)\s+(?:(?:as\s+)?\w+\s+)?set\s+(.*)$`)
	assigned = regexp.MustCompile(`(?i)"?(\w+)"?\s*=`)
	rewrites = regexp.MustCompile(`(?is)^\s*(update|merge|with)\b`)
)

// overwritten lists the columns that an UPDATE gives new values; those of its
// conditions too, where they cannot be told apart.
func (s sight) overwritten(sql string) (table string, columns []string) {
	match := updates.FindStringSubmatch(sql)
	if match == nil || strings.HasSuffix(sql, "…") {
		return "", nil // it is not understood, or not known to its end
	}
	set, _, _ := strings.Cut(match[2], " WHERE ")
	for _, name := range assigned.FindAllStringSubmatch(set, -1) {
		columns = append(columns, name[1])
	}
	table = strings.ReplaceAll(match[1], `"`, "")
	if s.first != nil {
		table, _ = s.table(table)
	}
	return table, columns
}

// values looks at new values in columns that the old code reads: whether it
// understands them, only its authors know.
func (s sight) values(m *Migration, static ddl.Statement, sql string) {
	if !rewrites.MatchString(sql) || static.Class&ddl.Slow == 0 {
		return // it changes no rows
	}
	table, columns := s.overwritten(sql)
	if len(columns) == 0 {
		m.Unknown = appendNew(m.Unknown, "it changes rows: "+static.SQL)
	}
	for _, name := range columns {
		switch {
		case s.isNew(table, name) || s.compares() && !s.maps(table, name):
		case s.compares():
			m.Unknown = appendNew(m.Unknown, fmt.Sprintf("it changes values of %s.%s, which the version that runs now reads", table, name))
		default:
			m.Unknown = appendNew(m.Unknown, fmt.Sprintf("it changes values of %s.%s, which the version that runs now may read", table, name))
		}
	}
}

// isNew tells whether a column was not there before the migrations.
func (s sight) isNew(table, name string) bool {
	if s.first == nil {
		return false
	}
	_, was := s.first.tables[table][name]
	return !was
}

// onlyNull is an UPDATE of rows in which its one column has no value.
var onlyNull = regexp.MustCompile(`(?is)\sset\s+"?(\w+)"?\s*=.*\swhere\s+"?(\w+)"?\s+is\s+null\s*;?\s*$`)

// fillsIn tells whether an UPDATE gives values where there are none, so that none
// is lost.
func (s sight) fillsIn(sql string) bool {
	table, columns := s.overwritten(sql)
	if match := onlyNull.FindStringSubmatch(sql); match != nil && len(columns) == 1 && match[1] == match[2] {
		return true
	}
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(name string) bool { return !s.isNew(table, name) })
}
