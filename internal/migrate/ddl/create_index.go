package ddl

// createIndex judges CREATE INDEX; the cursor is behind UNIQUE or INDEX.
func (j *judge) createIndex(c *cursor, unique bool) Finding {
	if unique && !c.accept("index") {
		return opaque("not understood")
	}
	concurrently := c.accept("concurrently")
	maybe := c.ifNotExists()
	name := ""
	if !c.is("on") {
		name, _ = c.name()
	}
	if !c.accept("on") {
		return opaque("an index without a table")
	}
	only := c.accept("only")
	table, ok := c.name()
	if !ok || !c.indexTail() {
		return opaque("not understood from " + quoteFor(c.peek(0)) + " on")
	}
	made := j.known.made(table)
	if name != "" && !maybe {
		j.known.indexes[sibling(table, name)] = index{table: table, unique: unique, made: made}
	}
	switch {
	case concurrently:
		return j.concurrentIndex(table, name, unique, maybe)
	case made:
		f := does(Safe, "the table was made in this file: nobody waits").on(table, Share)
		f.long = j.known.table(table).filled
		return f
	case only:
		f := opaque("instant on a partitioned table, the whole build on any other").on(table, Share)
		f.Lock, f.Rewrite, f.Reversible, f.Transaction = Share, No, Yes, Allowed
		return f.instead("make sure that " + table + " is partitioned")
	case unique:
		return uniqueFinding(table).on(table, Share).instead("find duplicates first; then CREATE UNIQUE INDEX CONCURRENTLY when the old version has stopped")
	}
	return does(Slow, "writes to "+table+" wait until the index is built").scans().on(table, Share).
		instead("CREATE INDEX CONCURRENTLY, outside of a transaction")
}

func uniqueFinding(table string) Finding {
	return does(Breaks|Slow, "writes to "+table+" wait until the index is built; it fails on duplicates, and from then on so do writes of the old code that make some").scans()
}

func (j *judge) concurrentIndex(table, name string, unique, maybe bool) Finding {
	t := j.known.table(table)
	if t.made && t.partitioned {
		return fails("a partitioned table takes no index CONCURRENTLY", "CREATE INDEX ON ONLY "+table+", one CONCURRENTLY on each partition, then ALTER INDEX ... ATTACH PARTITION")
	}
	if j.target.Version.corruptsConcurrent() && !t.made {
		return corrupt().on(table, ShareUpdateExclusive)
	}
	f := does(Safe, "others read and write meanwhile").scans().alone().on(table, ShareUpdateExclusive)
	if unique && !t.made {
		f.Class = Breaks
		f.Why = "it fails on duplicates, and from then on so do writes of the old code that make some"
		f.Safer = "find duplicates first; build it when the old version has stopped"
	}
	if maybe {
		f.because("IF NOT EXISTS keeps an INVALID index that an attempt before has left")
		if f.Safer == "" {
			f.Safer = "DROP INDEX CONCURRENTLY IF EXISTS " + name + " before it"
		}
	}
	return f
}

// indexTail passes what follows the name of the table.
func (c *cursor) indexTail() bool {
	if c.accept("using") {
		c.next()
	}
	if _, ok := c.parens(); !ok {
		return false
	}
	for !c.done() {
		switch {
		case c.accept("include"), c.accept("with"):
			if _, ok := c.parens(); !ok {
				return false
			}
		case c.accept("nulls", "distinct"), c.accept("nulls", "not", "distinct"):
		case c.accept("tablespace"):
			c.next()
		case c.accept("where"):
			if hasWord(c.rest(), statementWords...) {
				return false
			}
			c.at = len(c.tokens)
		default:
			return false
		}
	}
	return true
}
