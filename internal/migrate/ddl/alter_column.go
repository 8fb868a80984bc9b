package ddl

import "fmt"

// alterColumn judges ALTER COLUMN; the cursor is before the name.
func (j *judge) alterColumn(t *table, c *cursor) Finding {
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	plain := does(Safe, "for rows that are written from now on").on(t.name, AccessExclusive)
	switch {
	case c.is("type"), c.is("set", "data", "type"):
		c.accept("set", "data")
		c.next()
		return j.changeType(t, name, c)
	case c.accept("set", "default"):
		from := c.at
		c.at = len(c.tokens)
		if from == c.at {
			return opaque("a default that is missing")
		}
		return j.changeDefault(t, name, !c.tokens[from].isWord("null"))
	case c.accept("drop", "default"):
		return j.changeDefault(t, name, false)
	case c.accept("set", "not", "null"):
		f := j.setNotNull(t, name)
		t.column(name).notNull = true
		return f
	case c.accept("drop", "not", "null"):
		t.column(name).notNull = false
		return does(Safe, "the old code may meet null once the new one writes it").on(t.name, AccessExclusive)
	case c.accept("set", "statistics"):
		c.symbol("-")
		c.next()
		return does(Safe, "others read and write meanwhile").on(t.name, ShareUpdateExclusive)
	case c.accept("set", "storage"):
		c.next()
		return plain
	case c.accept("set", "compression"):
		c.next()
		if !j.target.Version.has(14) {
			return fails("SET COMPRESSION came with Postgres 14", "")
		}
		return plain
	case c.is("set") && c.peek(1).isSymbol("("), c.is("reset"):
		c.next()
		c.parens()
		return does(Safe, "others read and write meanwhile").on(t.name, ShareUpdateExclusive)
	}
	return j.alterGenerated(t, name, c)
}

// changeDefault judges SET DEFAULT and DROP DEFAULT.
func (j *judge) changeDefault(t *table, name string, has bool) Finding {
	known := t.column(name)
	known.hasDefault = has
	f := does(Breaks, "the old code's INSERTs that leave it out get another value").on(t.name, AccessExclusive).instead(afterSwitch)
	switch {
	case !t.added(name):
		if !has {
			f.Why = "the old code's INSERTs that leave it out get null, or fail"
		}
		return f
	case !has && known.notNull:
		f.Why = "the column was added in this file: the old code's INSERTs leave it out, and fail without the default"
		f.Safer = "keep the default until the old version has stopped"
		return f
	}
	return does(Safe, "the column was added in this file").on(t.name, AccessExclusive)
}

// setNotNull judges SET NOT NULL.
func (j *judge) setNotNull(t *table, name string) Finding {
	known := t.column(name)
	if t.neverNull(name) {
		return does(Safe, "a valid constraint says so already: no row is read").on(t.name, AccessExclusive)
	}
	f := does(Breaks|Slow, "all rows are read, and nobody reads or writes "+t.name+" meanwhile; from then on the old code cannot write null").scans().on(t.name, AccessExclusive)
	f.Safer = fmt.Sprintf("CHECK (%s IS NOT NULL) NOT VALID, VALIDATE it in another transaction, then SET NOT NULL; all of it when no old code writes null", name)
	if v := j.target.Version; !v.any() && v.has(18) {
		f.Safer = fmt.Sprintf("ADD CONSTRAINT ... NOT NULL %s NOT VALID, then VALIDATE CONSTRAINT in another transaction; both when no old code writes null", name)
	}
	if t.added(name) && known.hasDefault {
		f.Class = Slow
		f.Why = "all rows are read, and nobody reads or writes " + t.name + " meanwhile"
		f.Safer = "say NOT NULL where the column is added with its default: then no row is read"
	}
	return f
}

// changeType judges ALTER COLUMN TYPE.
func (j *judge) changeType(t *table, name string, c *cursor) Finding {
	to, ok := c.typeName()
	if !ok {
		return opaque("a type that is not understood")
	}
	if c.accept("collate") {
		c.name()
	}
	using := c.accept("using")
	if using {
		c.at = len(c.tokens)
	}
	known := t.column(name)
	from := known.typ
	known.typ = to
	rewrite := typeChange(from, to)
	if using && rewrite != Yes {
		rewrite = Unknown
	}
	f := j.typeFinding(t, name, rewrite)
	if t.added(name) {
		f.Class &^= Breaks
		return f
	}
	f.because("the old code may read or write what the type no longer allows; it fails if a view uses the column")
	if using || narrows(to) {
		f.Class |= Loses
		f.Reversible = No
		f.because("values may be cut")
	}
	return f.on("tables whose foreign keys are on it", AccessExclusive)
}

// typeFinding is the finding for a change of type that rewrites the table or not.
func (j *judge) typeFinding(t *table, name string, rewrite Answer) Finding {
	f := does(Breaks, "").on(t.name, AccessExclusive).instead("add a column of the new type, write both, copy in batches, and drop the old one later")
	f.Rewrite, f.long = rewrite, rewrite != No
	switch rewrite {
	case No:
		f.Why = "no row is written anew"
		f.Safer = ""
		if !t.added(name) || t.column(name).constrained || len(t.constraints) > 0 {
			f.Class |= Slow
			f.Scan, f.long = Unknown, true
			f.Why += "; constraints and indexes on the column make it read all rows"
			f.Safer = "drop the constraints on it before, and add them NOT VALID after"
		}
	case Yes:
		f.Class |= Slow
		f.Why = "the whole table is written anew, and nobody reads or writes it meanwhile"
	default:
		f.Class |= Slow
		f.Why = "unless the new type only widens the old one, the whole table is written anew, and nobody reads or writes it meanwhile"
	}
	return f
}

// alterGenerated judges what is about generated columns and identities.
func (j *judge) alterGenerated(t *table, name string, c *cursor) Finding {
	added := t.added(name)
	breaks := does(Breaks, "the old code's INSERTs may fail, or get other values").on(t.name, AccessExclusive).instead(afterSwitch)
	if added {
		breaks = does(Safe, "the column was added in this file").on(t.name, AccessExclusive)
	}
	switch {
	case c.accept("add", "generated"):
		always := c.accept("always")
		c.accept("by", "default")
		if !c.accept("as", "identity") {
			return opaque("not understood")
		}
		c.parens()
		if !always {
			return does(Safe, "numbers for INSERTs that leave it out").on(t.name, AccessExclusive)
		}
		return breaks
	case c.is("drop", "expression") && !j.target.Version.has(13):
		return fails("DROP EXPRESSION came with Postgres 13", "")
	case c.accept("drop", "identity"), c.accept("drop", "expression"):
		c.ifExists()
		return breaks
	case c.accept("set", "expression"):
		c.accept("as")
		c.parens()
		if !j.target.Version.has(17) {
			return fails("SET EXPRESSION came with Postgres 17", "add another generated column")
		}
		f := breaks.rewrites()
		f.Class |= Slow
		f.Why = "the whole table is written anew, and nobody reads or writes it meanwhile; the old code gets other values"
		return f
	case c.is("set", "generated"), c.is("set"), c.is("restart"):
		c.at = len(c.tokens)
		return breaks
	}
	return opaque("an action that is not understood")
}
