package ddl

import "slices"

const (
	afterSwitch  = "run it when the old version has stopped"
	cascadeDrops = "CASCADE also drops what depends on it, which this file does not show"
)

// cascades is what CASCADE adds to a DROP.
func (f *Finding) cascades() {
	f.Class |= Breaks | Loses
	f.Reversible = No
	f.because(cascadeDrops)
}

// drop judges DROP.
func (j *judge) drop(c *cursor) Finding {
	c.accept("foreign")
	word := c.next().text
	switch word {
	case "table":
		return j.dropTables(c)
	case "index":
		return j.dropIndex(c)
	case "materialized":
		c.accept("view")
	case "trigger", "policy", "rule":
		return j.dropOnTable(c, word)
	case "database", "tablespace", "subscription":
		c.at = len(c.tokens)
		return does(Breaks|Slow|Loses, "all that is in it is gone").forGood().alone().instead("make a backup that was restored once, and " + afterSwitch)
	case "event", "access", "text", "user", "cast", "operator", "owned", "language", "procedural", "trusted":
		c.at = len(c.tokens)
		return does(Breaks|Loses, "the old code may use it").forGood().instead(afterSwitch)
	}
	return j.dropOther(c, word)
}

// dropOther judges DROP of what has no rows of its own.
func (j *judge) dropOther(c *cursor, word string) Finding {
	f := does(Breaks, "the old code may use it").instead(afterSwitch)
	switch word {
	case "schema", "owned":
		f = does(Breaks|Slow|Loses, "all that is in it is gone").forGood().instead("drop table by table what nothing uses any more")
	case "sequence", "extension", "materialized":
		f = does(Breaks|Loses, "the old code may use it, and what it holds is gone").forGood().instead(afterSwitch)
	case "view", "type", "domain", "function", "procedure", "aggregate", "routine", "collation", "conversion", "role", "group", "server", "publication", "statistics", "transform":
	default:
		return opaque("DROP of something that is not understood")
	}
	c.ifExists()
	for !c.done() && !c.is("cascade") && !c.is("restrict") {
		name, ok := c.name()
		if !ok {
			c.next()
			continue
		}
		delete(j.known.types, name)
		if word == "view" || word == "materialized" {
			f = f.on(name, AccessExclusive)
			j.known.vacated[name] = !j.known.others[name]
		}
	}
	if c.accept("cascade") {
		f.cascades()
	}
	c.accept("restrict")
	return f
}

func (j *judge) dropTables(c *cursor) Finding {
	c.ifExists()
	names, ok := c.names()
	if !ok {
		return opaque("a table without a name")
	}
	f := does(Safe, "made in this file; the old code does not know it")
	for _, name := range names {
		if !j.known.made(name) {
			f = does(Breaks|Slow|Loses, "the old code fails, and the rows are gone; every table that its foreign keys refer to is locked too").forGood().
				instead("make a backup, drop its foreign keys one by one, and drop it when the old version has stopped")
			break
		}
	}
	for _, name := range names {
		f = f.on(name, AccessExclusive)
	}
	if f.Class != Safe {
		f = f.on("every table that they refer to", AccessExclusive)
	}
	if c.accept("cascade") {
		f.cascades()
	}
	c.accept("restrict")
	for _, name := range names {
		j.known.remove(name)
	}
	return f
}

func (j *judge) dropIndex(c *cursor) Finding {
	concurrently := c.accept("concurrently")
	c.ifExists()
	names, ok := c.names()
	if !ok {
		return opaque("an index without a name")
	}
	cascade := c.accept("cascade")
	c.accept("restrict")
	if concurrently && (len(names) > 1 || cascade) {
		return fails("DROP INDEX CONCURRENTLY drops one index, without CASCADE", "one statement for each index").alone()
	}
	harmless := !slices.ContainsFunc(names, func(name string) bool { return !j.known.indexes[name].made })
	lock := AccessExclusive
	f := does(Breaks|Slow, "queries of the old code may need it, and if it is unique, so does their ON CONFLICT; readers and writers wait for its lock").
		instead("DROP INDEX CONCURRENTLY, when the old version has stopped")
	switch {
	case harmless:
		f = does(Safe, "made in this file, on a table that was too")
	case concurrently:
		lock = ShareUpdateExclusive
		f = does(Breaks, "queries of the old code may need it, and if it is unique, so does their ON CONFLICT").instead(afterSwitch)
	}
	if concurrently {
		f = f.alone()
		f.Lock = NoLock
		lock = ShareUpdateExclusive
	}
	for _, name := range names {
		f = f.on(j.indexedBy(name), lock)
		delete(j.known.indexes, name)
	}
	if cascade {
		f.cascades()
	}
	return f
}

func (j *judge) dropOnTable(c *cursor, word string) Finding {
	c.ifExists()
	_, named := c.name()
	if !named || !c.accept("on") {
		return opaque("not understood")
	}
	table, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	f := does(Breaks, "the old code may rely on what it does").on(table, AccessExclusive).instead(afterSwitch)
	if j.known.made(table) {
		f = does(Safe, "on a table that was made in this file").on(table, AccessExclusive)
	}
	if c.accept("cascade") {
		f.Class |= Breaks | Loses
		f.because(cascadeDrops)
	}
	c.accept("restrict")
	return f
}
