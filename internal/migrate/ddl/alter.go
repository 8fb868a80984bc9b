package ddl

import "slices"

// alter judges ALTER of anything but a table.
func (j *judge) alter(c *cursor) Finding {
	word := c.next().text
	switch word {
	case "index":
		return j.alterIndex(c)
	case "type":
		return j.alterType(c)
	case "domain":
		return j.alterDomain(c)
	case "sequence", "view", "schema", "role", "user", "group", "database", "publication", "function", "procedure", "aggregate", "routine", "collation", "extension", "subscription", "server", "statistics", "trigger", "policy":
		return j.alterOther(c, word)
	case "materialized":
		c.accept("view")
		return j.alterOther(c, "view")
	case "default":
		c.at = len(c.tokens)
		return does(Safe, "privileges of what is made later")
	}
	return opaque("ALTER of something that is not understood")
}

// alterOther judges what the old code may use in a way that nobody sees.
func (j *judge) alterOther(c *cursor, word string) Finding {
	c.ifExists()
	name, ok := c.name()
	rest := c.rest()
	c.at = len(c.tokens)
	switch {
	case !ok:
		return opaque("not understood")
	case j.known.others[name]:
		return does(Safe, "made in this file; the old code does not know it")
	case word == "sequence" && len(rest) > 1 && rest[0].isWord("owned"):
		return does(Safe, "the sequence goes with its column")
	case word == "trigger" || word == "policy":
		for i, t := range rest {
			if on := (&cursor{tokens: rest, at: i + 1}); t.isWord("on") {
				table, _ := on.name()
				return does(Breaks, "the old code may rely on what it was").on(table, AccessExclusive).instead(afterSwitch)
			}
		}
	case word == "extension" || word == "function" || word == "procedure" || word == "routine" || word == "aggregate":
		f := opaque("the old code may use it, and what changes is not in the statement")
		f.Lock = NoLock
		return f
	}
	return does(Breaks, "the old code may rely on what it was").instead(afterSwitch)
}

// alterIndex judges ALTER INDEX.
func (j *judge) alterIndex(c *cursor) Finding {
	c.ifExists()
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	table := "index " + name // the table itself is not locked
	switch {
	case c.accept("rename", "to"):
		to, _ := c.name()
		if i, known := j.known.indexes[name]; known {
			delete(j.known.indexes, name)
			j.known.indexes[sibling(name, to)] = i
		}
		return does(Safe, "others read and write meanwhile").on(table, ShareUpdateExclusive)
	case c.accept("set", "tablespace"):
		c.name()
		c.accept("nowait")
		return does(Slow, "writes the index anew; nobody reads or writes the table meanwhile").rewrites().on(table, AccessExclusive).
			instead("build another index there CONCURRENTLY, and drop this one")
	case c.accept("set"), c.accept("reset"):
		c.parens()
		return does(Safe, "others read and write meanwhile").on(table, ShareUpdateExclusive)
	case c.accept("attach", "partition"):
		c.name()
		return does(Safe, "the index of a partition joins that of its parent").on(table, ShareUpdateExclusive)
	case c.accept("alter"):
		c.accept("column")
		c.next()
		if c.accept("set", "statistics") {
			c.next()
			return does(Safe, "others read and write meanwhile").on(table, ShareUpdateExclusive)
		}
	}
	return opaque("ALTER INDEX that is not understood")
}

// alterType judges ALTER TYPE.
func (j *judge) alterType(c *cursor) Finding {
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	if j.known.types[name] != unknownType {
		c.at = len(c.tokens)
		return does(Safe, "made in this file; the old code does not know it")
	}
	switch {
	case c.accept("add", "value"):
		c.ifNotExists()
		c.next()
		if c.any("before", "after") != "" {
			c.next()
		}
		f := does(Safe, "takes no lock on tables; the value cannot be used before the transaction ends, nor be taken away again")
		return f.forGood()
	case c.accept("rename", "value"):
		c.at = len(c.tokens)
		return does(Breaks, "the old code writes and reads the old name of the value; the new code knows only the new one").
			instead("add a value, handle both, change the rows, and leave the old one alone")
	case c.is("rename"), c.is("set"), c.is("owner"):
		c.at = len(c.tokens)
		return does(Breaks, "the old code may use its name").instead(afterSwitch)
	case c.is("add", "attribute"), c.is("drop", "attribute"), c.is("alter", "attribute"):
		loses := c.is("drop")
		c.at = len(c.tokens)
		f := does(Breaks|Slow, "the old code may use the type, and tables of this type are written anew").instead(afterSwitch)
		f.Rewrite = Unknown
		if loses {
			f.Class |= Loses
			f = f.forGood()
		}
		return f.on("every table of this type", AccessExclusive)
	}
	return opaque("ALTER TYPE that is not understood")
}

// alterDomain judges ALTER DOMAIN.
func (j *judge) alterDomain(c *cursor) Finding {
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	const tables = "every table with a column of this domain"
	if j.known.types[name] != unknownType {
		c.at = len(c.tokens)
		j.known.types[name] = constrainedDomain
		return does(Safe, "made in this file; the old code does not know it")
	}
	rest := c.rest()
	switch {
	case c.accept("validate", "constraint"):
		c.name()
		lock := Share
		f := does(Slow, "writes wait until all rows are read").scans().instead("Postgres 19 lets others write meanwhile")
		if j.target.Version.has(19) && !j.target.Version.any() {
			f, lock = does(Safe, "others read and write meanwhile").scans(), ShareUpdateExclusive
		}
		return f.on(tables, lock)
	case c.is("add"), c.is("set", "not", "null"):
		c.at = len(c.tokens)
		if validated := !(len(rest) > 2 && rest[len(rest)-1].isWord("valid") && rest[len(rest)-2].isWord("not")); validated {
			return does(Breaks|Slow, "writes wait until all rows are read, and from then on those of the old code may be refused").scans().on(tables, Share).
				instead("ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT in another transaction")
		}
		return does(Breaks, "what the old code writes may be refused").instead(afterSwitch)
	case c.is("drop", "not", "null"), c.is("drop", "constraint"):
		c.at = len(c.tokens)
		return does(Safe, "the old code may meet what was not allowed before")
	case c.is("set", "default"), c.is("drop", "default"), c.is("rename"), c.is("owner"), c.is("set", "schema"):
		c.at = len(c.tokens)
		return does(Breaks, "the old code may rely on what it was").instead(afterSwitch)
	}
	return opaque("ALTER DOMAIN that is not understood")
}

// relationOptions are the storage parameters that need no more than SHARE UPDATE
// EXCLUSIVE: src/backend/access/common/reloptions.c of Postgres.
var relationOptions = setOf(`fillfactor toast_tuple_target parallel_workers vacuum_index_cleanup vacuum_truncate log_autovacuum_min_duration n_distinct
	n_distinct_inherited gin_pending_list_limit fastupdate buffering pages_per_range autosummarize deduplicate_items vacuum_max_eager_freeze_failure_rate`)

// weakOptions tells whether all of the options need a weak lock only.
func weakOptions(tokens []token) bool {
	return !slices.ContainsFunc(split(tokens), func(part []token) bool {
		c := &cursor{tokens: part}
		c.accept("toast")
		c.symbol(".")
		name := c.next().text
		return !relationOptions[name] && !(len(name) > 10 && name[:10] == "autovacuum")
	})
}
