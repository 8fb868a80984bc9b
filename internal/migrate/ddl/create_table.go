package ddl

import "slices"

// createTable judges CREATE TABLE in all of its forms.
func (j *judge) createTable(c *cursor) Finding {
	maybe := c.ifNotExists()
	name, ok := c.name()
	if !ok {
		return opaque("a table without a name")
	}
	f := does(Safe, "a new table; the old code does not know it")
	var elements []token
	switch {
	case c.is("partition", "of"):
		return j.createPartition(c, name, maybe)
	case c.accept("of"):
		if _, ok := c.typeName(); !ok {
			return opaque("the type of the table is not understood")
		}
		elements, _ = c.parens()
	case c.peek(0).isSymbol("("):
		elements, _ = c.parens()
	}
	partitioned, from, ok := c.tableTail(&f)
	if !ok {
		return opaque("not understood from " + quoteFor(c.peek(0)) + " on")
	}
	if from {
		f = j.createFrom(c, f)
	}
	j.makeTable(&f, name, maybe, elements)
	if t := j.known.table(name); t.made {
		t.filled, t.partitioned = from, partitioned
	}
	return f
}

// makeTable notes the new table and what it refers to.
func (j *judge) makeTable(f *Finding, name string, maybe bool, elements []token) {
	switch {
	case j.known.vacated[name]:
		f.Class |= Breaks
		f.because("the old code knows another table of this name")
	case maybe:
		f.because("if it is there already, nothing is done")
		j.known.table(name)
	default:
		j.known.create(name)
	}
	referenced := references(elements)
	referenced = slices.DeleteFunc(referenced, func(other string) bool { return other == name || j.known.made(other) })
	for _, other := range referenced {
		*f = f.on(other, ShareRowExclusive)
	}
	switch len(referenced) {
	case 0:
	case 1:
		f.because("its foreign key waits for those who write to " + referenced[0] + ", and others wait behind it")
	default:
		f.Class |= Slow
		f.because("its foreign keys lock several tables together")
		f.Safer = "add the foreign keys one by one, each in a transaction of its own with a lock_timeout"
	}
	for _, part := range split(elements) {
		j.noteElement(j.known.tables[name], part)
	}
}

// noteElement remembers a column or a constraint of a new table.
func (j *judge) noteElement(t *table, tokens []token) {
	if t == nil || !t.made {
		return
	}
	c := &cursor{tokens: tokens}
	if startsConstraint(c) {
		name := ""
		if c.accept("constraint") {
			name, _ = c.name()
		}
		if c.is("check") && name != "" {
			t.constraints[name] = &constraint{kind: checkConstraint, valid: true}
		}
		return
	}
	if name, ok := c.name(); ok {
		typ, _ := c.typeName()
		t.columns[name] = &column{added: true, typ: typ}
	}
}

// references are the tables behind REFERENCES.
func references(tokens []token) []string {
	var names []string
	for i, t := range tokens {
		if t.isWord("references") {
			c := &cursor{tokens: tokens, at: i + 1}
			if name, ok := c.name(); ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// tableTail passes what follows the columns. from is true if a query follows.
func (c *cursor) tableTail(f *Finding) (partitioned, from, ok bool) {
	for !c.done() {
		switch {
		case c.accept("inherits"):
			parents, found := c.parens()
			names, plain := plainNames(parents)
			if !found || !plain {
				return partitioned, false, false
			}
			for _, name := range names {
				*f = f.on(name, ShareUpdateExclusive)
			}
		case c.accept("partition", "by"):
			partitioned = true
			c.next()
			if _, found := c.parens(); !found {
				return partitioned, false, false
			}
		case c.accept("using"), c.accept("tablespace"):
			if _, found := c.name(); !found {
				return partitioned, false, false
			}
		case c.accept("without", "oids"), c.accept("on", "commit", "drop"), c.accept("on", "commit", "preserve", "rows"), c.accept("on", "commit", "delete", "rows"):
		case c.accept("as"):
			return partitioned, true, true
		case c.accept("with"):
			if _, found := c.parens(); !found {
				return partitioned, false, false
			}
		default:
			return partitioned, false, false
		}
	}
	return partitioned, false, true
}

func (j *judge) createPartition(c *cursor, name string, maybe bool) Finding {
	c.accept("partition", "of")
	parent, ok := c.name()
	rest := c.rest()
	c.at = len(c.tokens)
	if !ok || hasWord(rest, statementWords...) || !hasWord(rest, "values", "default") {
		return opaque("a partition that is not understood")
	}
	made := j.known.made(parent)
	f := does(Slow, "nobody reads or writes "+parent+" meanwhile; rows of a default partition are read").on(parent, AccessExclusive).
		instead("create the table by itself, then ALTER TABLE " + parent + " ATTACH PARTITION")
	if made {
		f = does(Safe, "a partition of a table that was made in this file").on(parent, AccessExclusive)
	}
	if !maybe {
		j.known.create(name)
	}
	return f
}
