package ddl

// addColumn judges ADD COLUMN; the cursor is before its name.
func (j *judge) addColumn(t *table, c *cursor) Finding {
	maybe := c.ifNotExists()
	k, ok := c.columnText()
	if !ok {
		return opaque("a column that is not understood from " + quoteFor(c.peek(0)) + " on")
	}
	f := j.newColumn(t, k)
	if maybe && !t.made {
		f.because("if it is there already, nothing is done")
	} else if !f.Fails {
		t.columns[k.name] = &column{added: true, typ: k.typ, hasDefault: k.hasDefault && !k.nullDefault, notNull: k.notNull,
			constrained: k.unique || k.check || k.references != ""}
	}
	return f
}

func (j *judge) newColumn(t *table, k columnText) Finding {
	if k.generated == "virtual" && !j.target.Version.has(18) {
		return fails("VIRTUAL came with Postgres 18", "a view, or a column that the code fills")
	}
	if k.notEnforced && !j.target.Version.has(18) {
		return fails("NOT ENFORCED came with Postgres 18", "")
	}
	f := does(Safe, "the old code does not know it").on(t.name, AccessExclusive)
	if k.references != "" && k.references != t.name {
		f = f.on(k.references, ShareRowExclusive)
	}
	filled := k.hasDefault && !k.nullDefault || k.identity || serials[k.typ.base] || k.generated != ""
	j.rewriteOf(&f, k)
	if k.notNull && !filled {
		f.Class |= Breaks
		f.Why = "the old code's INSERTs leave it out and fail, and so does the statement if the table has rows"
		f.Safer = "let it be null, or give it a DEFAULT that stays until the old version has stopped"
		f.Scan = Yes // up to the first row
	}
	j.scanOf(&f, t, k, filled)
	if k.typ.base == "json" && !k.typ.array {
		f.Class |= Breaks
		f.because("SELECT DISTINCT * of the old code fails, as json cannot be compared")
		f.Safer = "jsonb"
	}
	return f
}

// rewriteOf finds out whether the table is written anew.
func (j *judge) rewriteOf(f *Finding, k columnText) {
	anew := func(why, safer string) {
		f.Class |= Slow
		f.Rewrite, f.long = Yes, true
		f.Why, f.Safer = "the whole table is written anew, and nobody reads or writes it meanwhile: "+why, safer
	}
	unsure := func(why, safer string) {
		f.Class |= Opaque
		f.Rewrite, f.long = Unknown, true
		f.Why, f.Safer = why, safer
	}
	const fill = "add it without, then SET DEFAULT, and fill the old rows in batches"
	switch kind := j.kind(k.typ); {
	case serials[k.typ.base]:
		anew("each row gets a number", "add it as bigint, fill it by a trigger and in batches")
	case k.identity:
		anew("each row gets a number", "add it as bigint, fill it by a trigger and in batches")
	case k.generated == "stored":
		anew("each row gets a computed value", "fill it by a trigger and in batches; VIRTUAL, from Postgres 18 on, writes nothing")
	case k.hasDefault && k.value == volatile && k.generated == "":
		anew("the default is another one for each row", fill)
	case kind == constrainedDomain && !k.typ.array:
		anew("the domain has constraints", "use the type itself, and a CHECK that is NOT VALID")
	case kind == unknownType && !k.typ.array:
		unsure("the type "+k.typ.base+" is not made in this file: if it is a domain with constraints, the whole table is written anew", "use a built-in type, or make sure that it is no domain")
	case k.hasDefault && k.value == unknownVolatility && k.generated == "":
		unsure("nobody knows whether the default is another one for each row; then the whole table is written anew", fill)
	}
}

// scanOf finds out whether rows are read, or an index is built.
func (j *judge) scanOf(f *Finding, t *table, k columnText, filled bool) {
	switch {
	case k.unique:
		f.Safer = "add the column alone, then CREATE UNIQUE INDEX CONCURRENTLY"
		if k.hasDefault && !k.nullDefault && k.value == steady {
			f.Class |= Breaks
			f.because("each INSERT of the old code gets the same default")
		}
		f.because("nobody reads or writes " + t.name + " until its index is built")
	case k.check:
		f.because("all rows are read, and nobody reads or writes " + t.name + " meanwhile")
		f.Safer = "add the column alone, then the CHECK as NOT VALID, and validate it"
	case k.references != "" && filled:
		f.because("all rows are read, and writes to both tables wait meanwhile")
		f.Safer = "add the column alone, then the foreign key as NOT VALID, and validate it"
	case k.generated == "virtual" && k.notNull:
		f.because("all rows are read, and nobody reads or writes " + t.name + " meanwhile")
	case k.references != "":
		f.because("its foreign key waits for those who write to " + k.references)
		return
	default:
		return
	}
	f.Class |= Slow
	f.Scan, f.long = Yes, true
}

// dropColumn judges DROP COLUMN.
func (j *judge) dropColumn(t *table, c *cursor) Finding {
	c.ifExists()
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	cascade := c.accept("cascade")
	c.accept("restrict")
	added := t.added(name)
	t.forget(name)
	f := does(Breaks|Loses, "the old code fails if it uses it, and its values are gone").forGood().on(t.name, AccessExclusive).
		instead("stop using it, let it be null or give it a default, and drop it when the old version has stopped")
	if added {
		f = does(Safe, "the column was added in this file").on(t.name, AccessExclusive)
	}
	if cascade {
		f.cascades()
	}
	if added {
		return f
	}
	return f.on("the table that it refers to, if it has a foreign key", AccessExclusive)
}
