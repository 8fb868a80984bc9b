package ddl

// alterProperty judges the actions that are about the table as a whole.
func (j *judge) alterProperty(t *table, c *cursor) Finding {
	word := c.next().text
	switch word {
	case "enable", "disable":
		return j.enable(t, c, word)
	case "force", "no":
		if c.accept("inherit") {
			parent, _ := c.name()
			return does(Breaks, "queries of "+parent+" find its rows no more").on(t.name, AccessExclusive).on(parent, AccessShare).instead(afterSwitch)
		}
		if word == "no" {
			c.accept("force")
		}
		if !c.accept("row", "level", "security") {
			return opaque("not understood")
		}
		return does(Breaks, "the old code may see or write other rows").on(t.name, AccessExclusive).instead(afterSwitch)
	case "inherit":
		parent, _ := c.name()
		return does(Breaks, "queries of "+parent+" find its rows too").on(t.name, AccessExclusive).on(parent, ShareUpdateExclusive).instead(afterSwitch)
	case "owner":
		c.at = len(c.tokens)
		return does(Breaks, "the old code loses what it may do as the owner").on(t.name, AccessExclusive).instead("GRANT what is needed, and " + afterSwitch)
	case "cluster":
		c.accept("on")
		c.name()
		return does(Safe, "for the next CLUSTER").on(t.name, ShareUpdateExclusive)
	case "replica":
		if !c.accept("identity") {
			return opaque("not understood")
		}
		if c.any("default", "nothing") != "" {
			return does(Breaks, "UPDATE and DELETE of the old code fail if the table is published and has no primary key").on(t.name, AccessExclusive).instead(afterSwitch)
		}
		if !c.accept("full") && c.accept("using", "index") {
			c.name()
		}
		return does(Safe, "for replicas").on(t.name, AccessExclusive)
	case "reset":
		options, _ := c.parens()
		return optionsFinding(t, options)
	case "set":
		return j.setProperty(t, c)
	}
	return opaque("an action that is not understood")
}

func (j *judge) enable(t *table, c *cursor, word string) Finding {
	always := c.any("always", "replica") != ""
	kind := c.next().text
	switch kind {
	case "trigger", "rule":
		if _, ok := c.name(); !ok {
			return opaque("not understood")
		}
		lock := ShareRowExclusive
		if kind == "rule" {
			lock = AccessExclusive
		}
		return does(Breaks, "what the old code writes has other effects").on(t.name, lock).instead(afterSwitch)
	case "row":
		if always || !c.accept("level", "security") {
			return opaque("not understood")
		}
		if word == "disable" {
			return does(Breaks, "the old code sees rows that it did not").on(t.name, AccessExclusive).instead(afterSwitch)
		}
		return does(Breaks, "the old code sees no row unless a policy allows it").on(t.name, AccessExclusive).instead("add the policies first, and " + afterSwitch)
	}
	return opaque("not understood")
}

func (j *judge) setProperty(t *table, c *cursor) Finding {
	anew := does(Slow, "writes the whole table anew; nobody reads or writes it meanwhile").rewrites().on(t.name, AccessExclusive)
	switch word := c.next().text; word {
	case "(":
		c.at--
		options, _ := c.parens()
		return optionsFinding(t, options)
	case "schema":
		to, ok := c.name()
		if !ok {
			return opaque("not understood")
		}
		f := does(Breaks, "the old code looks for it in the old schema").on(t.name, AccessExclusive).instead("make a view in the old schema in the same transaction")
		j.known.rename(t.name, to+"."+lastPart(t.name))
		return f
	case "logged", "unlogged":
		if word == "unlogged" {
			anew.Class |= Loses
			anew.because("a crash empties it")
		}
		return anew
	case "tablespace", "access":
		c.accept("method")
		c.name()
		c.accept("nowait")
		if word == "access" && !j.target.Version.has(15) {
			return fails("SET ACCESS METHOD came with Postgres 15", "")
		}
		return anew.instead("make a new table there, and copy in batches; or pg_repack")
	case "without":
		switch {
		case c.accept("cluster"):
			return does(Safe, "for the next CLUSTER").on(t.name, ShareUpdateExclusive)
		case c.accept("oids"):
			return does(Safe, "does nothing in these versions").on(t.name, AccessExclusive)
		}
	}
	return opaque("an action that is not understood")
}

func optionsFinding(t *table, options []token) Finding {
	f := does(Safe, "a storage parameter")
	if weakOptions(options) {
		return f.on(t.name, ShareUpdateExclusive)
	}
	return f.on(t.name, AccessExclusive)
}
