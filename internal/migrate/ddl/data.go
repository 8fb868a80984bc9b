package ddl

import (
	"slices"
	"strings"
)

const batches = "change it in batches of some thousand rows, each in a transaction of its own"

// data judges what reads or changes rows; the cursor is behind the first word.
func (j *judge) data(c *cursor, word string) Finding {
	rest := c.rest()
	if hasWord(rest, "set_config") {
		j.known = newKnowledge()
	}
	var f Finding
	switch word {
	case "insert":
		f = j.insert(c)
	case "update":
		f = j.update(c)
	case "delete":
		f = j.remove(c)
	case "merge":
		c.accept("into")
		c.accept("only")
		name, _ := c.name()
		f = does(Slow|Loses, "changes rows; those who write them wait").forGood().on(name, RowExclusive).instead(batches)
	case "copy":
		f = j.copy(c)
	default:
		f = j.query(c, rest)
	}
	if f.Class&Opaque != 0 {
		return f
	}
	c.at = len(c.tokens)
	if f.Class&Slow != 0 {
		f.Scan, f.long = Unknown, true
	}
	return f
}

// changesData tells whether there is a statement that changes rows, or that
// makes a table, among the tokens of a query.
func changesData(tokens []token) bool {
	for i := range tokens {
		c := &cursor{tokens: tokens, at: i}
		switch {
		case c.is("insert", "into"), c.is("delete", "from"), c.is("merge", "into"):
			return true
		case c.is("update") && (i == 0 || !tokens[i-1].isWord("for") && !tokens[i-1].isWord("do") && !tokens[i-1].isWord("key")) && c.peek(1).isName():
			return true
		}
	}
	return false
}

// query judges SELECT, VALUES, TABLE and WITH.
func (j *judge) query(c *cursor, rest []token) Finding {
	if changesData(rest) {
		f := does(Slow|Loses, "changes rows within a query").forGood().instead(batches)
		f.Lock = UnknownLock
		return f
	}
	if call := unknownCall(c.tokens); call != "" {
		return opaque("calls " + call + ", of which nobody knows what it does")
	}
	f := does(Safe, "reads")
	depth := 0
	for i, t := range rest {
		switch {
		case t.isSymbol("("):
			depth++
		case t.isSymbol(")"):
			depth--
		case t.isWord("into") && depth == 0:
			into := &cursor{tokens: rest, at: i + 1}
			for into.any("temp", "temporary", "unlogged", "local", "table") != "" {
			}
			if name, ok := into.name(); ok {
				j.known.create(name).filled = true
				f.Why = "makes a table of what it reads"
				f.long = true
			}
		case t.isWord("for"):
			f.Why = "locks the rows that it reads until the transaction ends"
		}
	}
	return f
}

// records are the tables in which tools write down which migrations have run.
var records = setOf(`alembic_version django_migrations schema_migrations ar_internal_metadata goose_db_version gorp_migrations _prisma_migrations
	__drizzle_migrations knex_migrations knex_migrations_lock flyway_schema_history`)

// recorded is the finding for a change of such a table.
func recorded(name string) Finding {
	return does(Safe, "the record of the tool that migrates").on(name, RowExclusive)
}

func isRecord(name string) bool { return records[strings.Trim(lastPart(name), `"`)] }

// insert judges INSERT.
func (j *judge) insert(c *cursor) Finding {
	for c.any("low_priority", "high_priority", "delayed", "ignore", "into") != "" {
	}
	name, ok := c.name()
	if !ok {
		return opaque("INSERT that is not understood")
	}
	if c.accept("as") {
		c.name()
	}
	if c.peek(0).isSymbol("(") && !c.peek(1).isWord("select") && !c.peek(1).isWord("with") && !c.peek(1).isWord("values") {
		c.parens()
	}
	rest := c.rest()
	if changesData(rest) {
		f := does(Slow|Loses, "changes rows within a query").forGood().on(name, RowExclusive).instead(batches)
		return f
	}
	conflict := slices.IndexFunc(rest, func(t token) bool { return t.isWord("conflict") || t.isWord("duplicate") && j.target.MySQL })
	checked := rest
	if conflict >= 0 { // ON CONFLICT ON CONSTRAINT x, and a list of columns
		checked = rest[:conflict]
	}
	if call := unknownCall(checked); call != "" {
		return opaque("calls " + call + ", of which nobody knows what it does")
	}
	f := does(Safe, "adds rows").on(name, RowExclusive)
	queries := hasWord(rest, "select", "table")
	if t := j.known.table(name); t.made {
		t.filled = t.filled || queries
		f.long = queries
		f.Why = "fills a table that was made in this file"
		return f
	}
	if queries {
		f = does(Slow, "adds as many rows as the query finds").on(name, RowExclusive).instead(batches)
	}
	if conflict >= 0 && hasWord(rest[conflict:], "update") {
		f.Class |= Loses
		f.Reversible = No
		f.because("overwrites rows that are there")
		if f.Safer == "" {
			f.Safer = "ON CONFLICT DO NOTHING, or keep a backup"
		}
	}
	return f
}

// update judges UPDATE.
func (j *judge) update(c *cursor) Finding {
	c.accept("only")
	name, ok := c.name()
	if !ok || !hasWord(c.rest(), "set") {
		return opaque("UPDATE that is not understood")
	}
	if isRecord(name) && unknownCall(c.rest()) == "" {
		return recorded(name)
	}
	if j.known.made(name) {
		return does(Safe, "changes a table that was made in this file").on(name, RowExclusive).slowly()
	}
	why := "changes rows; those who write them wait until the transaction ends"
	if !hasWord(c.rest(), "where") {
		why = "changes every row; those who write them wait until the transaction ends"
	}
	f := does(Slow, why).on(name, RowExclusive).instead(batches)
	if set := updatedColumns(c); !j.known.table(name).allAdded(set) {
		f.Class |= Loses
		f.because("what was there is overwritten")
		return f.forGood()
	}
	return f
}

func (f Finding) slowly() Finding {
	f.long = true
	return f
}

// updatedColumns are the columns that an UPDATE sets; none if it is not
// understood.
func updatedColumns(c *cursor) []string {
	for !c.done() && !c.is("set") {
		c.next()
	}
	c.next()
	rest := c.rest()
	depth := 0
	for i, t := range rest { // the assignments end with FROM or WHERE
		switch {
		case t.isSymbol("("):
			depth++
		case t.isSymbol(")"):
			depth--
		case depth == 0 && (t.isWord("from") || t.isWord("where") || t.isWord("returning")):
			rest = rest[:i]
		}
		if len(rest) == i {
			break
		}
	}
	var columns []string
	for _, part := range split(rest) {
		one := &cursor{tokens: part}
		if inner, ok := one.parens(); ok {
			names, plain := plainNames(inner)
			if !plain {
				return nil
			}
			columns = append(columns, names...)
			continue
		}
		name, ok := one.name()
		if !ok {
			return nil
		}
		columns = append(columns, name)
	}
	return columns
}

// remove judges DELETE.
func (j *judge) remove(c *cursor) Finding {
	c.accept("from")
	c.accept("only")
	name, ok := c.name()
	if !ok {
		return opaque("DELETE that is not understood")
	}
	if isRecord(name) && hasWord(c.rest(), "where") && unknownCall(c.rest()) == "" {
		return recorded(name)
	}
	if j.known.made(name) {
		return does(Safe, "empties a table that was made in this file").on(name, RowExclusive)
	}
	why := "the rows are gone, and those who write them wait until the transaction ends"
	if !hasWord(c.rest(), "where") {
		why = "all rows are gone, and those who write them wait until the transaction ends"
	}
	return does(Slow|Loses, why).forGood().on(name, RowExclusive).instead("keep a backup, and delete " + "in batches, each in a transaction of its own")
}

// copy judges COPY.
func (j *judge) copy(c *cursor) Finding {
	if inner, ok := c.parens(); ok {
		if changesData(inner) || unknownCall(inner) != "" || hasWord(c.rest(), "program") {
			return opaque("COPY of a query that may do more than read")
		}
		return does(Safe, "reads")
	}
	name, ok := c.name()
	if !ok {
		return opaque("COPY that is not understood")
	}
	c.parens()
	switch {
	case hasWord(c.rest(), "program"):
		return opaque("COPY with a program")
	case c.accept("to"):
		return does(Safe, "reads").on(name, AccessShare).slowly()
	case c.accept("from"):
		j.known.table(name).filled = true
		return does(Safe, "adds rows").on(name, RowExclusive).slowly()
	}
	return opaque("COPY that is not understood")
}

// truncate judges TRUNCATE.
func (j *judge) truncate(c *cursor) Finding {
	c.accept("table")
	c.accept("only")
	names, ok := c.names()
	if !ok {
		return opaque("TRUNCATE that is not understood")
	}
	c.symbol("*")
	f := does(Safe, "empties what was made in this file")
	if slices.ContainsFunc(names, func(name string) bool { return !j.known.made(name) }) {
		f = does(Slow|Loses, "all rows are gone; nobody reads or writes meanwhile").rewrites().forGood().
			instead("make a backup, and delete in batches when the old version has stopped")
	}
	for _, name := range names {
		f = f.on(name, AccessExclusive)
	}
	if !c.accept("restart", "identity") {
		c.accept("continue", "identity")
	}
	if c.accept("cascade") {
		f.Class |= Slow | Loses
		f.Reversible = No
		f.because("CASCADE empties every table that refers to it, which this file does not show")
	}
	c.accept("restrict")
	return f
}
