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
	f, _ := c.ended(j.single(c))
	return f, nil
}

// ended is the finding for what was read, unless that was not all.
func (c *cursor) ended(f Finding) (finding Finding, all bool) {
	if f.Class&Opaque == 0 && !f.Fails && !c.done() {
		return opaque("not understood from " + quoteFor(c.peek(0)) + " on"), false
	}
	return f, true
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
