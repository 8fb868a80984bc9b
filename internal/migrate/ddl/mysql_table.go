package ddl

func (j *judge) mysqlRename(c *cursor) Finding {
	f := ddl(Breaks, "the old code uses the old name, and the new code the new one").instead("make a view of the old name right after, and drop it later")
	if !c.accept("table") {
		return opaque("RENAME that is not understood")
	}
	for {
		from, ok := c.name()
		to, ok2 := c.name2("to")
		if !ok || !ok2 {
			return opaque("RENAME that is not understood")
		}
		f = f.on(from, Exclusive)
		j.known.rename(from, to)
		if !c.symbol(",") {
			return f
		}
	}
}

func (j *judge) mysqlCreateTable(c *cursor) Finding {
	maybe := c.ifNotExists()
	name, ok := c.name()
	if !ok {
		return opaque("a table without a name")
	}
	elements, _ := c.parens()
	rest := c.rest()
	c.at = len(c.tokens)
	f := ddl(Safe, "a new table; the old code does not know it")
	if j.known.vacated[name] {
		f.Class |= Breaks
		f.because("the old code knows another table of this name")
	}
	if changesData(rest) || unknownCall(afterAs(rest)) != "" && hasWord(rest, "select") {
		return opaque("a query that is not understood")
	}
	if maybe {
		f.because("if it is there already, nothing is done")
	} else {
		j.known.create(name).filled = hasWord(rest, "select")
	}
	for _, other := range references(elements) {
		if other != name && !j.known.made(other) {
			f = f.on(other, Share)
		}
	}
	return f
}

func (j *judge) mysqlCreateIndex(c *cursor, kind string) Finding {
	c.name()
	if c.accept("using") {
		c.next()
	}
	if !c.accept("on") {
		return opaque("an index without a table")
	}
	table, ok := c.name()
	if _, columns := c.parens(); !ok || !columns {
		return opaque("an index that is not understood")
	}
	f := mysqlIndex(table, kind)
	options := split(c.rest())
	c.at = len(c.tokens)
	for _, option := range options {
		j.mysqlOption(&f, &cursor{tokens: option})
	}
	if j.known.made(table) {
		f = madeInMySQL(f)
	}
	return f
}

// mysqlIndex is the finding for a new index: others write while it is built,
// unless it is for full text or space.
func mysqlIndex(table, kind string) Finding {
	f := ddl(Safe, "others read and write while it is built").scans()
	f.Algorithm = inplace
	switch kind {
	case "unique":
		f.Class = Breaks
		f.Why = "it fails on duplicates, and from then on so do writes of the old code that make some"
		f.Safer = "find duplicates first, and " + afterSwitch
	case "fulltext", "spatial":
		f.Class = Slow
		f.Why = "writes wait until it is built"
		f.Safer = "build it on a copy of the table"
		return f.on(table, Share)
	}
	return f
}

func madeInMySQL(f Finding) Finding {
	if f.Class&Opaque != 0 || f.Fails {
		return f
	}
	f.Class, f.Safer, f.Rewrite, f.Scan, f.Reversible = Safe, "", No, No, Yes
	f.Why = "the table was made in this file: the old code does not know it, and nobody waits"
	return f
}

func (j *judge) mysqlDrop(c *cursor) Finding {
	c.accept("temporary")
	word := c.next().text
	c.ifExists()
	switch word {
	case "table":
		names, ok := c.names()
		if !ok {
			return opaque("a table without a name")
		}
		c.any("cascade", "restrict")
		f := ddl(Safe, "made in this file; the old code does not know it")
		for _, name := range names {
			if !j.known.made(name) && f.Class == Safe {
				f = ddl(Breaks|Slow|Loses, "the old code fails, and the rows are gone"+commits).forGood().instead("make a backup, and " + afterSwitch)
			}
			f = f.on(name, Exclusive)
			j.known.remove(name)
		}
		return f
	case "index":
		name, _ := c.name()
		if !c.accept("on") {
			return opaque("an index without a table")
		}
		table, _ := c.name()
		c.at = len(c.tokens)
		f := ddl(Breaks, "queries of the old code may need "+name+", and if it is unique, so may ON DUPLICATE KEY").instead(afterSwitch)
		f.Algorithm = inplace
		if j.known.made(table) {
			f = madeInMySQL(f)
		}
		return f
	case "database", "schema":
		c.at = len(c.tokens)
		return ddl(Breaks|Slow|Loses, "all that is in it is gone").forGood().instead("make a backup, and " + afterSwitch)
	case "view", "procedure", "function", "trigger", "event", "user", "role":
		c.at = len(c.tokens)
		return ddl(Breaks, "the old code may use it").instead(afterSwitch)
	}
	return opaque("DROP of something that is not understood")
}
