package ddl

import "strings"

// knowledge is what the statements before say about names. All of it serves to
// find a statement less dangerous than it looks, so forgetting is always right.
type knowledge struct {
	tables  map[string]*table
	indexes map[string]index
	types   map[string]typeKind
	vacated map[string]bool // names that the old code knows and that stand for nothing now
	former  map[string]bool // tables that were made here and are gone again
	others  map[string]bool // views, sequences and functions that were made here
}

// table is what is known of a table.
type table struct {
	name        string
	made        bool // in this file: nobody waits for it, and the old code does not know it
	filled      bool // with rows of which nobody knows how many
	partitioned bool
	columns     map[string]*column
	constraints map[string]*constraint
}

// column is one that was added or changed here.
type column struct {
	added      bool // here: the old code does not name it
	typ        typeName
	hasDefault bool
	notNull    bool
	// constrained: there is a constraint or an index on it.
	constrained bool
}

type constraintKind uint8

const (
	checkConstraint constraintKind = iota + 1
	foreignKey
	uniqueConstraint
	notNullConstraint
)

// constraint is one that was added here.
type constraint struct {
	kind       constraintKind
	valid      bool
	column     string // what it keeps from being null
	references string
}

// index is one that was made here.
type index struct {
	table  string
	unique bool
	made   bool // on a table that was made here
}

func newKnowledge() *knowledge {
	return &knowledge{tables: map[string]*table{}, indexes: map[string]index{}, types: map[string]typeKind{}, vacated: map[string]bool{}, former: map[string]bool{}, others: map[string]bool{}}
}

func newTable(name string) *table {
	return &table{name: name, columns: map[string]*column{}, constraints: map[string]*constraint{}}
}

// table is what is known of a table, at least its name.
func (k *knowledge) table(name string) *table {
	if k.tables[name] == nil {
		k.tables[name] = newTable(name)
	}
	return k.tables[name]
}

func (k *knowledge) made(name string) bool { return k.tables[name] != nil && k.tables[name].made }

// ours tells whether nobody else can want the table.
func (k *knowledge) ours(name string) bool {
	return k.made(name) || k.former[name] && k.tables[name] == nil
}

// create notes a table that the statement makes.
func (k *knowledge) create(name string) *table {
	t := newTable(name)
	t.made = !k.vacated[name]
	k.tables[name] = t
	return t
}

// remove notes that a name stands for nothing any more.
func (k *knowledge) remove(name string) {
	if k.made(name) {
		k.former[name] = true
	} else {
		k.vacated[name] = true
	}
	delete(k.tables, name)
}

// rename gives a table another name.
func (k *knowledge) rename(from, to string) {
	t := k.table(from)
	k.remove(from)
	if t.made && k.vacated[to] {
		*t = *newTable(to)
	}
	t.name = to
	k.tables[to] = t
}

// added tells whether a column was added to a table that was there before.
func (t *table) added(name string) bool {
	return t.made || t.columns[name] != nil && t.columns[name].added
}

// allAdded tells whether all of the columns were added here.
func (t *table) allAdded(names []string) bool {
	for _, name := range names {
		if !t.added(name) {
			return false
		}
	}
	return len(names) > 0
}

// column is what is known of a column, at least its name.
func (t *table) column(name string) *column {
	if t.columns[name] == nil {
		t.columns[name] = &column{}
	}
	return t.columns[name]
}

// neverNull tells whether a valid constraint keeps a column from being null.
func (t *table) neverNull(name string) bool {
	for _, c := range t.constraints {
		if c.valid && c.column == name {
			return true
		}
	}
	return false
}

// forget removes what is known of a column.
func (t *table) forget(name string) {
	delete(t.columns, name)
	for _, c := range t.constraints {
		if c.column == name {
			c.column = ""
		}
	}
}

// sibling is a name in the schema of another one.
func sibling(of, name string) string {
	if dot := strings.LastIndexByte(of, '.'); dot >= 0 {
		return of[:dot+1] + name
	}
	return name
}
