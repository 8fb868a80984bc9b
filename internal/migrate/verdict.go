package migrate

import (
	"regexp"
	"slices"
	"strings"

	"gapless/internal/migrate/ddl"
	"gapless/internal/update"
)

// sight is what is known about a run of migrations, however it was found out.
type sight struct {
	version ddl.Target
	sizes   map[string]update.Table
	due     map[string]due // by name; of Django alone
	old     []model        // nil: the code tells nothing
	first   *catalog       // before all migrations; nil without a trace
	widens  bool           // the columns whose type this one changes take all values that they took
}

var (
	// taken is where a lock was taken, in a text that nobody sees.
	taken       = regexp.MustCompile(`, taken in line \d+,`)
	changesType = regexp.MustCompile(`(?is)^\s*alter\s+table\b[^,]*\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b[^,]*(\([\d, ]*\)[^,]*)*$`)
)

// wasThere tells whether a table is not of these migrations.
func (s sight) wasThere(table string) bool {
	if s.first == nil {
		return true
	}
	_, there := s.table(table)
	return there
}

// table finds a table of before the migrations by what a statement calls it: with
// or without its schema, which the settings of a session may decide.
func (s sight) table(called string) (name string, there bool) {
	called = strings.TrimPrefix(strings.ReplaceAll(called, `"`, ""), "public.")
	if s.first.tables[called] != nil {
		return called, true
	}
	for name := range s.first.tables {
		if !strings.Contains(called, ".") && strings.HasSuffix(name, "."+called) {
			return name, true
		}
	}
	return called, false
}

// maps tells whether the old code has a column.
func (s sight) maps(table, name string) bool {
	return slices.ContainsFunc(s.old, func(m model) bool {
		return m.Table == table && slices.ContainsFunc(m.Columns, func(f field) bool { return f.Name == name })
	})
}

// hidden are statements that nobody wants to read about.
var hidden = regexp.MustCompile(`(?is)^\s*(begin|commit|end|rollback|savepoint|release|set|show|reset|select|deallocate|discard|start)\b`)

// verdict judges one migration by its statements, and by what the shadow saw of
// them if it ran there.
func (s sight) verdict(name string, statements []tracedStatement) Migration {
	m := Migration{Judged: update.Judged{Name: name}, Statements: []Statement{}}
	text, starts := joined(statements)
	of := func(one ddl.Statement) int {
		at, exact := slices.BinarySearch(starts, one.Line)
		if !exact {
			at--
		}
		return at
	}
	s.operations(&m)
	all := ddl.Judge(s.version, ddl.Input{Name: name, Text: text}).Statements
	for i, static := range all {
		seen := statements[of(static)]
		if i > 0 && of(all[i-1]) == of(static) || i+1 < len(all) && of(all[i+1]) == of(static) {
			seen.SQL = static.SQL // the server got several at once
			seen.Seen = seen.Seen && !changes.MatchString(static.SQL)
		}
		if seen.Error != "" {
			m.Unknown = appendNew(m.Unknown, "it fails in the shadow: "+seen.Error)
		}
		if hidden.MatchString(static.SQL) && static.Class&^ddl.Opaque == 0 {
			s.query(&m, seen, static)
			continue
		}
		if records.MatchString(static.SQL) {
			continue
		}
		s.statement(&m, static, seen)
	}
	slices.SortStableFunc(m.Locks, func(a, b update.TableLock) int { return rank(b.Lock) - rank(a.Lock) })
	return m
}

// joined is the statements as one text, and the lines where they begin.
func joined(statements []tracedStatement) (text string, starts []int) {
	var b strings.Builder
	line := 1
	for _, s := range statements {
		starts = append(starts, line)
		sql := strings.TrimRight(strings.TrimSpace(s.SQL), ";") + ";\n"
		b.WriteString(sql)
		line += strings.Count(sql, "\n")
	}
	return b.String(), starts
}

// operations takes in what the framework says of the migration.
func (s sight) operations(m *Migration) {
	for _, o := range s.due[m.Name].Operations {
		if !o.Reversible {
			m.Irreversible = appendNew(m.Irreversible, o.Text+" has no way back")
		}
	}
}

// statement judges one, and adds what it does to its migration.
func (s sight) statement(m *Migration, static ddl.Statement, seen tracedStatement) {
	one := Statement{File: m.Name, Line: len(m.Statements) + 1, SQL: static.SQL, Why: taken.ReplaceAllString(static.Why, ""), Safer: static.Safer, Traced: seen.Seen}
	effect := s.effect(static, seen)
	class := s.class(&one, static, seen, effect)
	one.Class, one.Lock, one.Locks, one.Rewrite, one.Scan = class.String(), strongest(effect, static), effect.locks, effect.rewrite, effect.scan
	if one.Locks == nil {
		one.Locks = []update.TableLock{}
	}
	one.Reversible = answer(static.Reversible)
	if static.Class&ddl.Loses != 0 && class&ddl.Loses == 0 {
		one.Reversible = nil
	}
	m.Statements = append(m.Statements, one)
	m.Disagreements = append(m.Disagreements, effect.disagreements...)
	for _, lock := range effect.locks {
		m.lock(lock)
	}
	if effect.slow {
		m.Rewrites = addTables(m.Rewrites, effect.rewrites)
		m.Scans = addTables(m.Scans, effect.scans)
	}
	if class&ddl.Loses != 0 {
		m.Irreversible = appendNew(m.Irreversible, static.SQL+": "+one.Why)
	}
	if class&ddl.Opaque != 0 {
		m.Unknown = appendNew(m.Unknown, static.SQL+": "+one.Why)
	}
	if static.Fails && s.first == nil {
		m.Unknown = appendNew(m.Unknown, static.SQL+" "+one.Why)
	}
	if class&ddl.Breaks != 0 && !(s.compares() && seen.Seen && compared(seen.SQL)) {
		m.BreaksOld = appendNew(m.BreaksOld, static.SQL+": "+one.Why)
	}
	s.values(m, static, seen.SQL)
}

// class is that of the statement by itself, corrected by what was seen.
func (s sight) class(one *Statement, static ddl.Statement, seen tracedStatement, e effect) ddl.Class {
	class := static.Class
	if seen.Seen {
		class &^= ddl.Slow
		if !bodies.MatchString(seen.SQL) {
			class &^= ddl.Opaque
		}
	}
	if s.fillsIn(seen.SQL) {
		class &^= ddl.Loses
		one.Why = "fills in values where there are none; those who write the rows wait until the transaction ends"
	}
	if seen.Seen && s.widens && changesType.MatchString(seen.SQL) {
		class &^= ddl.Loses
		one.Why = "every value of the old type is one of the new type"
	}
	if s.first != nil && len(static.Locks) > 0 && len(e.locks) == 0 && !slices.ContainsFunc(static.Locks, func(l ddl.TableLock) bool { return s.wasThere(l.Table) }) {
		class, one.Safer = class&ddl.Opaque, "" // it is about tables that nobody uses yet
	}
	if e.slow {
		class |= ddl.Slow
	}
	return class
}

// compares tells whether the models of the old code are known.
func (s sight) compares() bool { return s.old != nil }

// What the models of the old code decide about, and statements whose bodies
// nobody reads.
var (
	ofShape  = regexp.MustCompile(`(?is)^\s*(alter\s+table|drop\s+table|create\s+(unique\s+)?index|drop\s+index)\b`)
	notShape = regexp.MustCompile(`(?i)\b(row\s+level|trigger|rule|policy|inherit|partition|owner)\b`)
	bodies   = regexp.MustCompile(`(?is)^\s*(do|call)\b`)
)

// compared tells whether a statement is about what the models are compared with:
// columns, tables and the rules of rows.
func compared(sql string) bool { return ofShape.MatchString(sql) && !notShape.MatchString(sql) }

// lock notes the strongest lock on a table.
func (m *Migration) lock(lock update.TableLock) {
	for i := range m.Locks {
		if m.Locks[i].Table == lock.Table {
			if rank(lock.Lock) > rank(m.Locks[i].Lock) {
				m.Locks[i].Lock = lock.Lock
			}
			return
		}
	}
	m.Locks = append(m.Locks, lock)
}

func appendNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func addTables(list []update.Table, names []string) []update.Table {
	for _, name := range names {
		if !slices.ContainsFunc(list, func(t update.Table) bool { return t.Name == name }) {
			list = append(list, update.Table{Name: name, Rows: -1})
		}
	}
	return list
}

// answer is true, false or nil.
func answer(a ddl.Answer) *bool {
	if a == ddl.Unknown {
		return nil
	}
	yes := a == ddl.Yes
	return &yes
}
