package ddl

import "strings"

// postgres judges one statement of Postgres.
func (j *judge) postgres(c *cursor) (Finding, []Action) {
	if c.accept("alter", "table") || c.accept("alter", "foreign", "table") {
		return j.alterTable(c)
	}
	if f, ok := j.transaction(c); ok {
		return f, nil
	}
	f := j.single(c)
	if f.Class&Opaque == 0 && !f.Fails && !c.done() {
		return opaque("not understood from " + quoteFor(c.peek(0)) + " on"), nil
	}
	return f, nil
}

// quoteFor shows a token in a message.
func quoteFor(t token) string {
	if t.kind == kindString {
		return "a constant"
	}
	return "«" + cutTo(t.text, longestLiteral) + "»"
}

// single judges what is not an ALTER TABLE. A cursor that is not at its end when
// it returns says that the statement was not understood.
func (j *judge) single(c *cursor) Finding {
	switch word := c.next(); word.text {
	case "create":
		return j.create(c)
	case "drop":
		return j.drop(c)
	case "alter":
		return j.alter(c)
	case "insert", "update", "delete", "merge", "with", "select", "values", "table", "copy":
		return j.data(c, word.text)
	case "truncate":
		return j.truncate(c)
	case "set", "reset", "discard", "show":
		return j.setting(c, word.text)
	case "comment":
		return j.comment(c)
	case "grant":
		c.at = len(c.tokens)
		if hasWord(c.tokens, statementWords[0], "drop") {
			return opaque("a privilege that is not understood")
		}
		return does(Safe, "gives a privilege; takes no lock on a table")
	case "revoke":
		c.at = len(c.tokens)
		return does(Breaks, "the old code loses a privilege that it may use").instead("run it when the old version has stopped")
	case "lock", "vacuum", "analyze", "analyse", "cluster", "reindex", "refresh", "repack", "checkpoint":
		return j.upkeep(c, word.text)
	case "do":
		return opaque("a DO block: what it runs is in its body, which is not read").instead("write its statements as they are, so that they can be judged")
	case "call", "execute":
		return opaque("what it runs is not in this file")
	case "listen", "unlisten", "notify", "fetch", "close", "move", "deallocate":
		c.at = len(c.tokens)
		return does(Safe, "touches no table")
	case "explain":
		if hasWord(c.rest(), "analyze", "analyse") {
			return opaque("EXPLAIN ANALYZE carries the statement out")
		}
		c.at = len(c.tokens)
		return does(Safe, "shows a plan, and carries nothing out")
	case "reassign":
		return opaque("changes the owner of objects that it does not name")
	}
	return opaque("not a statement that is understood")
}

// setting judges SET and what belongs to it.
func (j *judge) setting(c *cursor, word string) Finding {
	plain := does(Safe, "a setting of the session")
	text := c.rest()
	c.at = len(c.tokens)
	if hasWord(text, statementWords...) {
		return opaque("a setting that is not understood")
	}
	local := false
	scope := &cursor{tokens: text}
	switch scope.any("session", "local") {
	case "local":
		local = true
	}
	name := scope.next()
	switch {
	case word == "show":
	case word == "discard", name.isWord("search_path"), name.isWord("schema"), name.isWord("role"), name.isWord("authorization"), name.isWord("all"):
		// The same name may mean another table from here on.
		j.known = newKnowledge()
	case name.isWord("lock_timeout"):
		value := scope.rest()
		switch {
		case word == "reset" || len(value) == 0 || noLimit(value[len(value)-1]):
			j.timeout = noTimeout
		case local:
			j.timeout = localTimeout
		default:
			j.timeout = sessionTimeout
		}
	}
	return plain
}

// noLimit tells whether a value of lock_timeout means to wait for ever.
func noLimit(t token) bool {
	text := strings.Trim(lower(t.text), "'")
	return text == "default" || strings.Trim(text, "0ms inh") == ""
}

func (j *judge) comment(c *cursor) Finding {
	f := does(Safe, "a comment")
	if !c.accept("on") {
		return opaque("not understood")
	}
	kind := c.next().text
	name, _ := c.name()
	for !c.done() && !c.is("is") {
		c.next()
	}
	c.accept("is")
	if c.peek(0).kind == kindString || c.is("null") {
		c.next()
	}
	switch kind {
	case "table":
		f = f.on(name, ShareUpdateExclusive)
	case "column":
		if dot := strings.LastIndexByte(name, '.'); dot > 0 {
			f = f.on(name[:dot], ShareUpdateExclusive)
		}
	}
	return f
}

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
