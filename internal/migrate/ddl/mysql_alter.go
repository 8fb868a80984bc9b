package ddl

import "slices"

// mysqlAlter judges ALTER TABLE of MySQL; the cursor is behind these words. What
// can be done INSTANT is in the manual, 17.12.1, "Online DDL Operations".
func (j *judge) mysqlAlter(c *cursor) (Finding, []Action) {
	name, ok := c.name()
	if !ok {
		return opaque("a table without a name"), nil
	}
	t := j.known.table(name)
	whole := ddl(Safe, "")
	var actions []Action
	var options [][]token
	for _, part := range split(c.rest()) {
		one := &cursor{tokens: part}
		if one.is("algorithm") || one.is("lock") {
			options = append(options, part)
			continue
		}
		f, _ := one.ended(j.mysqlAction(t, one))
		if t.made {
			f = madeInMySQL(f)
		}
		actions = append(actions, Action{textOf(j.input.Text, part), f})
		whole.add(f)
		whole.Algorithm = slower(whole.Algorithm, f.Algorithm)
	}
	if len(actions) == 0 {
		return opaque("ALTER TABLE that does nothing that is understood"), nil
	}
	c.at = len(c.tokens)
	whole.Why, whole.Safer = summary(actions)
	for _, option := range options {
		j.mysqlOption(&whole, &cursor{tokens: option})
	}
	if whole.Class != Safe && whole.Class&Opaque == 0 && !whole.Fails {
		whole.Why += commits
	}
	return whole, actions
}

// slower is the slower of two algorithms.
func slower(a, b string) string {
	order := []string{"", instant, inplace, copying}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// by is a finding for what is done by an algorithm, on the whole table unless it
// is instant.
func by(algorithm string, class Class, why string) Finding {
	f := ddl(class, why)
	f.Algorithm = algorithm
	return f
}

// rebuilt is a finding for a table that is written anew while others write.
func rebuilt(class Class, why string) Finding {
	return by(inplace, class|Slow, why+"; the whole table is written anew, while others write").rewrites().
		instead("name the exact version, such as 8.0.36, if it is newer; else gh-ost, or run it when little happens")
}

// copied is a finding for a table that is copied while writes wait.
func copied(table string, class Class, why string) Finding {
	return by(copying, class|Slow, why+"; the whole table is copied, and writes wait meanwhile").rewrites().on(table, Share).
		instead("add a new column or table, write both, copy in batches, and drop the old one later; or gh-ost")
}

// mysqlAction judges one action.
func (j *judge) mysqlAction(t *table, c *cursor) Finding {
	switch word := c.next().text; word {
	case "add":
		return j.mysqlAdd(t, c)
	case "drop":
		return j.mysqlDropPart(t, c)
	case "modify", "change":
		c.accept("column")
		from, ok := c.name()
		to := from
		if word == "change" {
			to, ok = c.name()
		}
		c.at = len(c.tokens)
		if !ok {
			return opaque("not understood")
		}
		if from != to {
			return copied(t.name, Breaks|Loses, "the old code uses the old name; unless the type is the same").forGood()
		}
		return copied(t.name, Breaks|Loses, "the old code may write what the type no longer allows; unless only a VARCHAR grows or an ENUM gets more values").forGood()
	case "alter":
		if c.is("index") || c.is("check") || c.is("constraint") {
			c.at = len(c.tokens)
			return by(instant, Breaks, "queries and writes of the old code may need what it was").instead(afterSwitch)
		}
		c.accept("column")
		if _, ok := c.name(); ok && (c.is("set", "default") || c.is("drop", "default")) {
			c.at = len(c.tokens)
			return by(instant, Breaks, "the old code's INSERTs that leave it out get another value").instead(afterSwitch)
		}
	case "rename":
		return j.mysqlRenamePart(t, c)
	case "convert":
		c.at = len(c.tokens)
		return copied(t.name, Breaks, "another character set")
	case "engine", "force", "row_format", "key_block_size":
		c.at = len(c.tokens)
		return rebuilt(Safe, "another format")
	case "order":
		c.at = len(c.tokens)
		return copied(t.name, Safe, "another order")
	case "default", "character", "charset", "collate", "auto_increment", "comment", "stats_persistent", "stats_auto_recalc", "stats_sample_pages":
		c.at = len(c.tokens)
		return by(inplace, Safe, "for what is written from now on")
	}
	return opaque("an action that is not understood")
}

func (j *judge) mysqlRenamePart(t *table, c *cursor) Finding {
	both := "the old code uses the old name, and the new code the new one"
	switch {
	case c.is("index"), c.is("key"):
		c.at = len(c.tokens)
		return by(inplace, Safe, "nothing but hints names it")
	case c.accept("column"):
		c.at = len(c.tokens)
		if j.target.Version.atLeast(8, 0, 28) {
			return by(instant, Breaks, both).instead("keep the name in the database")
		}
		return by(inplace, Breaks, both).instead("keep the name in the database")
	}
	c.any("to", "as")
	to, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	f := by(inplace, Breaks, both).on(t.name, Exclusive).instead("make a view of the old name right after, and drop it later")
	j.known.rename(t.name, sibling(t.name, to))
	return f
}

func (j *judge) mysqlDropPart(t *table, c *cursor) Finding {
	switch {
	case c.accept("primary", "key"):
		return copied(t.name, Breaks, "the old code may need it")
	case c.accept("foreign", "key"):
		c.name()
		return by(inplace, Safe, "the old code may write what was refused before")
	case c.is("index"), c.is("key"), c.is("constraint"), c.is("check"):
		c.at = len(c.tokens)
		return by(inplace, Breaks, "queries of the old code may need it, and if it is unique, so may ON DUPLICATE KEY").instead(afterSwitch)
	case c.is("partition"):
		c.at = len(c.tokens)
		return by(inplace, Breaks|Slow|Loses, "its rows are gone").forGood().instead("make a backup, and " + afterSwitch)
	}
	c.accept("column")
	c.ifExists()
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	const why = "the old code fails if it uses it, and its values are gone"
	if t.added(name) {
		return by(inplace, Safe, "the column was added in this file")
	}
	if j.target.Version.atLeast(8, 0, 29) {
		return by(instant, Breaks|Loses, why).forGood().instead("stop using it, and drop it when the old version has stopped")
	}
	return rebuilt(Breaks|Loses, why).forGood()
}

func (j *judge) mysqlAdd(t *table, c *cursor) Finding {
	if c.accept("constraint") && !c.is("primary") && !c.is("unique") && !c.is("foreign") && !c.is("check") {
		c.name()
	}
	switch {
	case c.is("primary", "key"):
		c.at = len(c.tokens)
		return rebuilt(Breaks, "it fails on duplicates")
	case c.is("foreign", "key"):
		names := references(c.rest())
		c.at = len(c.tokens)
		f := copied(t.name, Breaks, "the old code's writes may be refused").scans()
		for _, name := range names {
			f = f.on(name, Share)
		}
		return f.instead("SET foreign_key_checks = 0 before it, after looking for rows that refer to nothing")
	case c.is("check"):
		c.at = len(c.tokens)
		return copied(t.name, Breaks, "the old code's writes may be refused").scans()
	case c.is("partition"):
		return opaque("partitions are not understood")
	}
	kind := c.any("unique", "fulltext", "spatial")
	if c.any("index", "key") != "" || kind != "" {
		c.at = len(c.tokens)
		return mysqlIndex(t.name, kind)
	}
	c.accept("column")
	return j.mysqlAddColumn(t, c)
}

// mysqlAddColumn judges ADD COLUMN; the cursor is before its name, or before
// columns in parentheses.
func (j *judge) mysqlAddColumn(t *table, c *cursor) Finding {
	if inner, ok := c.parens(); ok {
		f := ddl(Safe, "the old code does not know them")
		for _, part := range split(inner) {
			one := j.mysqlAddColumn(t, &cursor{tokens: part})
			f.add(one)
			if f.Algorithm = slower(f.Algorithm, one.Algorithm); badness(one) > 0 {
				f.Why, f.Safer = one.Why, one.Safer
			}
		}
		return f
	}
	c.ifNotExists()
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	rest := c.rest()
	c.at = len(c.tokens)
	known := t.column(name)
	known.added = true
	filled := hasWord(rest, "default", "auto_increment", "as")
	var class Class
	why := "the old code does not know it"
	for i := range rest {
		if at := (&cursor{tokens: rest, at: i}); at.is("not", "null") && !filled {
			class, why = Breaks, "the old code's INSERTs leave it out, and fail in strict mode"
		}
	}
	last := !hasWord(rest, "first", "after")
	switch {
	case hasWord(rest, "stored", "persistent"):
		return copied(t.name, class, why)
	case hasWord(rest, "auto_increment"):
		return rebuilt(class, why).on(t.name, Share)
	case hasWord(rest, "unique", "primary", "check", "key"):
		return rebuilt(class|Breaks, why+"; an index is built")
	case expressionDefault(rest):
		return rebuilt(class, why+"; the default is an expression")
	case j.target.Version.atLeast(8, 0, 29), last && j.target.Version.atLeast(8, 0, 12), hasWord(rest, "virtual"):
		f := by(instant, class, why)
		if class != Safe {
			f.Safer = "let it be null, or give it a DEFAULT"
		}
		return f
	}
	return rebuilt(class, why)
}

// expressionDefault tells whether the default is in parentheses.
func expressionDefault(tokens []token) bool {
	for i, t := range tokens {
		if t.isWord("default") && i+1 < len(tokens) && tokens[i+1].isSymbol("(") {
			return true
		}
	}
	return false
}
