package ddl

// columnText is a column of ADD COLUMN as it is written.
type columnText struct {
	name        string
	typ         typeName
	hasDefault  bool
	nullDefault bool
	value       volatility // of the default
	notNull     bool
	primary     bool
	unique      bool
	check       bool
	notEnforced bool
	references  string
	identity    bool
	generated   string // stored or virtual
}

// endsDefault are the words that cannot be part of a default.
var endsDefault = setOf("constraint not null unique primary check references generated collate deferrable initially default storage compression")

// columnText passes the definition of a column.
func (c *cursor) columnText() (k columnText, ok bool) {
	if k.name, ok = c.name(); !ok {
		return k, false
	}
	if k.typ, ok = c.typeName(); !ok {
		return k, false
	}
	for !c.done() {
		if !c.columnPart(&k) {
			return k, false
		}
	}
	return k, true
}

// columnPart passes one of the things that may follow the type.
func (c *cursor) columnPart(k *columnText) bool {
	switch {
	case c.accept("constraint"), c.accept("collate"):
		_, ok := c.name()
		return ok
	case c.accept("storage"), c.accept("compression"):
		c.next()
	case c.accept("not", "null"):
		k.notNull = true
		c.accept("no", "inherit")
	case c.accept("null"), c.accept("not", "deferrable"), c.accept("deferrable"), c.accept("initially", "deferred"), c.accept("initially", "immediate"), c.accept("enforced"):
	case c.accept("not", "enforced"):
		k.notEnforced = true
	case c.accept("default"):
		c.defaultValue(k)
	case c.accept("unique"):
		k.unique = true
		if c.accept("nulls") {
			c.accept("not")
			c.accept("distinct")
		}
	case c.accept("primary", "key"):
		k.primary, k.notNull, k.unique = true, true, true
	case c.accept("check"):
		_, ok := c.parens()
		c.accept("no", "inherit")
		if c.accept("not", "enforced") {
			k.notEnforced = true
		} else {
			k.check = true
		}
		return ok
	case c.accept("references"):
		return c.columnReference(k)
	case c.accept("generated"):
		return c.generatedAs(k)
	default:
		return false
	}
	return true
}

// defaultValue passes an expression; the first token belongs to it whatever it is.
func (c *cursor) defaultValue(k *columnText) {
	from, depth := c.at, 0
	for !c.done() {
		t := c.peek(0)
		if depth == 0 && c.at > from && t.kind == kindWord && endsDefault[t.text] {
			break
		}
		switch {
		case t.isSymbol("("), t.isSymbol("["):
			depth++
		case t.isSymbol(")"), t.isSymbol("]"):
			depth--
		}
		c.next()
	}
	value := c.tokens[from:c.at]
	k.hasDefault = true
	k.nullDefault = len(value) > 0 && value[0].isWord("null")
	k.value = volatilityOf(value)
	if len(value) == 0 {
		k.value = unknownVolatility
	}
}

func (c *cursor) columnReference(k *columnText) bool {
	var ok bool
	if k.references, ok = c.name(); !ok {
		return false
	}
	c.parens()
	for {
		switch {
		case c.accept("match", "full"), c.accept("match", "simple"), c.accept("match", "partial"):
		case c.accept("on", "delete"), c.accept("on", "update"):
			switch {
			case c.accept("no", "action"), c.accept("restrict"), c.accept("cascade"):
			case c.accept("set", "null"), c.accept("set", "default"):
				c.parens()
			default:
				return false
			}
		default:
			return true
		}
	}
}

func (c *cursor) generatedAs(k *columnText) bool {
	if !c.accept("always") && !c.accept("by", "default") {
		return false
	}
	if !c.accept("as") {
		return false
	}
	if c.accept("identity") {
		k.identity = true
		c.parens()
		return true
	}
	_, ok := c.parens()
	k.generated = "virtual"
	if c.accept("stored") {
		k.generated = "stored"
	} else {
		c.accept("virtual")
	}
	return ok
}

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
		f.Class |= Breaks | Loses
		f.Reversible = No
		f.because(cascadeDrops)
	}
	if added {
		return f
	}
	return f.on("the table that it refers to, if it has a foreign key", AccessExclusive)
}
