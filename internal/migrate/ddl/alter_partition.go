package ddl

// partition judges what is done with partitions.
func (j *judge) partition(t *table, c *cursor) Finding {
	word := c.next().text
	if word == "split" || word == "merge" {
		c.at = len(c.tokens)
		if !j.target.Version.has(19) {
			return fails("it came with Postgres 19", "make new partitions, and move the rows")
		}
		return does(Slow, "writes the partitions anew; nobody reads or writes the table meanwhile").rewrites().on(t.name, AccessExclusive)
	}
	if !c.accept("partition") {
		return opaque("not understood")
	}
	child, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	if word == "attach" {
		if rest := c.rest(); len(rest) == 0 || hasWord(rest, statementWords...) {
			return opaque("not understood")
		}
		c.at = len(c.tokens)
		return j.attach(t, child)
	}
	return j.detach(t, child, c)
}

func (j *judge) attach(t *table, child string) Finding {
	f := does(Slow, "all rows of "+child+" are read, and nobody reads or writes them meanwhile; those of a default partition too").scans().
		instead("first add a CHECK to " + child + " that says the same, NOT VALID, and validate it")
	switch {
	case j.known.made(child) && t.made:
		f = does(Safe, "both tables were made in this file")
	case j.known.made(child):
		f = does(Slow, "rows of a default partition are read, and nobody reads or writes them meanwhile")
		f.Scan = Unknown
		f = f.instead("if there is a default partition, first add a CHECK to it that leaves these rows out")
	}
	return f.on(t.name, ShareUpdateExclusive).on(child, AccessExclusive)
}

func (j *judge) detach(t *table, child string, c *cursor) Finding {
	gone := "the old code finds its rows in " + t.name + " no more"
	switch {
	case c.accept("concurrently"):
		if !j.target.Version.has(14) {
			return fails("DETACH ... CONCURRENTLY came with Postgres 14", "DETACH without it, with a lock_timeout")
		}
		return does(Breaks, gone).alone().on(t.name, ShareUpdateExclusive).on(child, AccessExclusive).instead(afterSwitch)
	case c.accept("finalize"):
		return does(Breaks, gone).on(t.name, ShareUpdateExclusive).on(child, AccessExclusive)
	}
	f := does(Breaks|Slow, gone+"; nobody reads or writes meanwhile").on(t.name, AccessExclusive).instead("DETACH PARTITION ... CONCURRENTLY, when the old version has stopped")
	lock := AccessExclusive
	if !j.target.Version.has(14) {
		lock = ShareUpdateExclusive
		f.Safer = afterSwitch
	}
	return f.on(child, lock)
}
