package ddl

import "strings"

// upkeep judges what maintains tables rather than changing them.
func (j *judge) upkeep(c *cursor, word string) Finding {
	rest := c.rest()
	c.at = len(c.tokens)
	if hasWord(rest, statementWords...) {
		return opaque("not understood")
	}
	concurrently := hasWord(rest, "concurrently")
	table := j.objectOf(rest)
	switch word {
	case "lock":
		return lockTable(rest)
	case "vacuum":
		if hasWord(rest, "full") {
			return does(Slow, "writes the whole table anew; nobody reads or writes it meanwhile").rewrites().alone().on(table, AccessExclusive).
				instead("pg_repack, or from Postgres 19 on REPACK (CONCURRENTLY)")
		}
		return does(Safe, "others read and write meanwhile").alone().on(table, ShareUpdateExclusive)
	case "analyze", "analyse":
		return does(Safe, "others read and write meanwhile").on(table, ShareUpdateExclusive)
	case "cluster":
		return does(Slow, "writes the whole table anew; nobody reads or writes it meanwhile").rewrites().on(table, AccessExclusive).
			instead("pg_repack, or from Postgres 19 on REPACK (CONCURRENTLY)")
	case "repack":
		return j.repack(table, concurrently)
	case "refresh":
		if concurrently {
			return does(Safe, "readers go on meanwhile").scans().on(table, Exclusive)
		}
		return does(Slow, "nobody reads the view until it is filled anew").rewrites().on(table, AccessExclusive).
			instead("REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view")
	case "reindex":
		return j.reindex(rest, table, concurrently)
	}
	return does(Safe, "touches no table")
}

// objectOf is the name in statements such as REINDEX (VERBOSE) TABLE CONCURRENTLY x.
func (j *judge) objectOf(tokens []token) string {
	c := &cursor{tokens: tokens}
	for {
		if _, ok := c.parens(); ok {
			continue
		}
		if c.any("full", "freeze", "verbose", "analyze", "concurrently", "table", "index", "materialized", "view", "schema", "database", "system", "only", "using") == "" {
			break
		}
	}
	if name, ok := c.name(); ok {
		return name
	}
	return "every table"
}

func lockTable(tokens []token) Finding {
	c := &cursor{tokens: tokens}
	c.accept("table")
	c.accept("only")
	names, ok := c.names()
	if !ok {
		return opaque("LOCK that is not understood")
	}
	c.symbol("*")
	lock := AccessExclusive
	if c.accept("in") {
		text := ""
		for !c.done() && !c.is("mode") {
			text += " " + strings.ToUpper(c.next().text)
		}
		c.accept("mode")
		if lock = lockNamed(strings.TrimSpace(text)); lock == UnknownLock {
			return opaque("LOCK that is not understood")
		}
	}
	c.accept("nowait")
	if !c.done() {
		return opaque("LOCK that is not understood")
	}
	f := does(Safe, "the lock is held until the transaction ends")
	if lock.stops() {
		f.Class = Slow
		f.Safer = "leave it out: statements take the locks that they need"
	}
	for _, name := range names {
		f = f.on(name, lock)
	}
	return f
}

func lockNamed(text string) Lock {
	for i, name := range lockNames {
		if name == text && Lock(i) != NoLock {
			return Lock(i)
		}
	}
	return UnknownLock
}

func (j *judge) reindex(tokens []token, table string, concurrently bool) Finding {
	whole := hasWord(tokens, "schema", "database", "system")
	if hasWord(tokens, "index") {
		table = j.indexedBy(table)
	}
	f := does(Slow, "writes wait until the indexes are built").scans().on(table, Share).instead("REINDEX ... CONCURRENTLY, outside of a transaction")
	if concurrently {
		if j.target.Version.corruptsConcurrent() {
			return corrupt().on(table, ShareUpdateExclusive)
		}
		f = does(Safe, "others read and write meanwhile").scans().on(table, ShareUpdateExclusive)
	}
	if concurrently || whole {
		f = f.alone()
	}
	return f
}

func (j *judge) repack(table string, concurrently bool) Finding {
	if !j.target.Version.has(19) {
		return fails("REPACK came with Postgres 19", "pg_repack")
	}
	if concurrently {
		return does(Safe, "others read and write, but for a moment at the end").rewrites().alone().on(table, ShareUpdateExclusive)
	}
	return does(Slow, "writes the whole table anew; nobody reads or writes it meanwhile").rewrites().on(table, AccessExclusive).instead("REPACK (CONCURRENTLY)")
}

// corrupt is the finding for indexes that 14.0 to 14.3 build wrongly.
func corrupt() Finding {
	return does(Slow, "CONCURRENTLY builds indexes that miss rows in Postgres 14.0 to 14.3").scans().alone().instead("update Postgres to 14.4 or later first")
}

// indexedBy names the table of an index.
func (j *judge) indexedBy(name string) string {
	if i, known := j.known.indexes[name]; known {
		return i.table
	}
	return "the table of " + name
}
