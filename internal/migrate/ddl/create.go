package ddl

// create judges CREATE.
func (j *judge) create(c *cursor) Finding {
	replaces := c.accept("or", "replace")
	for _, word := range []string{"unlogged", "global", "local", "temp", "temporary", "recursive", "trusted", "procedural", "constraint", "default"} {
		c.accept(word)
	}
	c.any("temp", "temporary", "unlogged")
	switch word := c.next().text; word {
	case "table":
		return j.createTable(c)
	case "unique", "index":
		return j.createIndex(c, word == "unique")
	case "view":
		return j.createView(c, replaces)
	case "materialized":
		c.accept("view")
		return j.createFrom(c, does(Safe, "a new view; it reads what it is made of"))
	case "trigger", "rule", "policy":
		return j.createOnTable(c, word)
	case "function", "procedure", "aggregate", "operator", "cast", "event", "transform", "language":
		return j.createCode(c, word, replaces)
	case "type", "domain":
		return j.createType(c, word == "domain")
	case "statistics":
		return j.createStatistics(c)
	case "schema", "extension", "sequence", "collation", "role", "user", "group", "server", "foreign", "text", "conversion":
		return j.createPlain(c, word)
	case "database", "tablespace", "subscription":
		return j.createPlain(c, word).alone()
	case "publication":
		c.at = len(c.tokens)
		return does(Breaks, "UPDATE and DELETE of the old code fail on published tables without a replica identity").instead("give each table a primary key or REPLICA IDENTITY first")
	}
	return opaque("CREATE of something that is not understood")
}

// createPlain judges what nothing that runs can know yet.
func (j *judge) createPlain(c *cursor, word string) Finding {
	if hasWord(c.rest(), "create", "grant", "drop", "alter", "delete", "truncate") || word == "user" && c.is("mapping") && hasWord(c.rest(), "drop") {
		return opaque("more than one statement in one")
	}
	c.ifNotExists()
	if name, ok := c.name(); ok && word == "sequence" {
		j.known.others[name] = true
	}
	c.at = len(c.tokens)
	return does(Safe, "new; the old code does not know it")
}

// ifNotExists passes IF NOT EXISTS.
func (c *cursor) ifNotExists() bool { return c.accept("if", "not", "exists") }

// createFrom judges what is made of a query.
func (j *judge) createFrom(c *cursor, f Finding) Finding {
	rest := c.rest()
	c.at = len(c.tokens)
	if changesData(rest) || hasWord(rest, "execute", "drop", "alter", "truncate", "grant") {
		return opaque("a query that does more than read")
	}
	if call := unknownCall(afterAs(rest)); call != "" {
		return opaque("calls " + call + ", of which nobody knows what it does")
	}
	f.long = true
	return f
}

// afterAs are the tokens behind the first AS, or all of them.
func afterAs(tokens []token) []token {
	for i, t := range tokens {
		if t.isWord("as") {
			return tokens[i+1:]
		}
	}
	return tokens
}

func (j *judge) createView(c *cursor, replaces bool) Finding {
	name, ok := c.name()
	if !ok {
		return opaque("a view without a name")
	}
	f := j.createFrom(c, does(Safe, "a new view; takes no lock on tables"))
	f.long = false
	if f.Class&Opaque != 0 {
		return f
	}
	if replaces && !j.known.others[name] {
		return does(Breaks, "the old code reads another view from now on, if it reads this one").on(name, AccessExclusive).
			instead("make a view of another name, and drop this one when the old version has stopped")
	}
	if j.known.vacated[name] {
		f.because("the old code finds it where it knows something else")
		f.Class |= Breaks
	}
	j.known.others[name] = true
	return f
}

// createOnTable judges what changes how a table behaves.
func (j *judge) createOnTable(c *cursor, word string) Finding {
	_, named := c.name()
	before := "on"
	if word == "rule" {
		before = "to"
	}
	for !c.done() && !c.is(before) {
		c.next()
	}
	c.next()
	table, ok := c.name()
	rest := c.rest()
	c.at = len(c.tokens)
	if !named || !ok {
		return opaque("not understood")
	}
	if j.known.made(table) && word != "rule" {
		return does(Safe, "on a table that was made in this file").on(table, ShareRowExclusive)
	}
	switch word {
	case "trigger":
		f := opaque("a trigger acts on what the old code writes; what it does is in its function, which is not read")
		f.Lock, f.Rewrite, f.Scan, f.Reversible, f.Transaction = NoLock, No, No, Yes, Allowed
		f = f.on(table, ShareRowExclusive)
		for i, t := range rest {
			if t.isWord("from") && i+1 < len(rest) {
				from := &cursor{tokens: rest, at: i + 1}
				if other, found := from.name(); found {
					f = f.on(other, ShareRowExclusive)
				}
			}
		}
		return f.instead("try the old version's writes against it")
	case "policy":
		return does(Breaks, "the old code may see or write fewer rows").on(table, AccessExclusive).instead("add it when the old version has stopped")
	}
	return does(Breaks, "what the old code writes is rewritten").on(table, AccessExclusive).instead("use a trigger, or add it when the old version has stopped")
}

func (j *judge) createCode(c *cursor, word string, replaces bool) Finding {
	c.at = len(c.tokens)
	switch {
	case word != "function" && word != "procedure" && word != "aggregate":
		return opaque("changes how statements are understood or what happens on them")
	case replaces:
		f := opaque("the body is not read, and a trigger or the old code may call it")
		f.Lock, f.Rewrite, f.Scan, f.Transaction = NoLock, No, No, Allowed
		return f.instead("make a function of another name, and drop this one when the old version has stopped")
	}
	return does(Safe, "a new function; its body is not read, and nothing runs it yet")
}

func (j *judge) createType(c *cursor, domain bool) Finding {
	name, ok := c.name()
	if !ok || hasWord(c.rest(), statementWords...) {
		return opaque("a type that is not understood")
	}
	kind := plainType
	if domain {
		kind = bareDomain
		if hasWord(c.rest(), "check", "not", "constraint") {
			kind = constrainedDomain
		}
		c.accept("as")
		// A domain over a domain has its constraints too.
		if base, _ := c.typeName(); !builtIn[base.base] {
			kind = constrainedDomain
		}
	}
	c.at = len(c.tokens)
	j.known.types[name] = kind
	return does(Safe, "a new type; the old code does not know it")
}

func (j *judge) createStatistics(c *cursor) Finding {
	rest := c.rest()
	c.at = len(c.tokens)
	for i, t := range rest {
		if t.isWord("from") {
			from := &cursor{tokens: rest, at: i + 1}
			if table, ok := from.name(); ok && from.done() {
				return does(Safe, "others read and write meanwhile").on(table, ShareUpdateExclusive)
			}
		}
	}
	return opaque("statistics that are not understood")
}
