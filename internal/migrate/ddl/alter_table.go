package ddl

// mostActions is more than a table can have columns.
const mostActions = 2_000

// alterTable judges ALTER TABLE; the cursor is behind these words.
func (j *judge) alterTable(c *cursor) (Finding, []Action) {
	if c.is("all", "in", "tablespace") {
		c.at = len(c.tokens)
		return does(Slow, "writes every table there anew").rewrites().on("every table of the tablespace", AccessExclusive), nil
	}
	c.ifExists()
	c.accept("only")
	name, ok := c.name()
	if !ok {
		return opaque("a table without a name"), nil
	}
	c.symbol("*")
	t := j.known.table(name)
	var whole Finding
	var actions []Action
	parts := split(c.rest())
	if len(parts) > mostActions {
		return opaque("more actions than are read"), nil
	}
	for i, part := range parts {
		one := &cursor{tokens: part}
		f, _ := one.ended(j.alterAction(t, one))
		if j.known.made(t.name) {
			f = onMade(t, f)
		}
		if actions = append(actions, Action{textOf(j.input.Text, part), f}); i == 0 {
			whole = f
			whole.Locks = nil
		}
		whole.add(f)
	}
	if len(actions) > 1 {
		whole.Why, whole.Safer = summary(actions)
		together(&whole, actions)
	}
	return whole, actions
}

// onMade is the finding for a table that was made in the same file. What other
// tables have to do with it stays as it is.
func onMade(t *table, f Finding) Finding {
	if f.Class&Opaque != 0 || f.Fails {
		return f
	}
	for _, lock := range f.Locks {
		if lock.Table != t.name && lock.Lock == AccessExclusive {
			return f
		}
	}
	f.Class, f.Safer, f.Reversible = Safe, "", Yes
	f.Why = "the table was made in this file: the old code does not know it, and nobody waits"
	if f.long = f.long && t.filled; !f.long {
		f.Scan, f.Rewrite = No, No
	}
	return f
}

// summary is the reason of the worst action, and what to do about it.
func summary(actions []Action) (why, safer string) {
	var worst Finding
	for i, a := range actions {
		if i == 0 || badness(a.Finding) > badness(worst) {
			worst = a.Finding
		}
	}
	return worst.Why, worst.Safer
}

func badness(f Finding) int {
	if f.Fails {
		return 100
	}
	n := 0
	for i, weight := range []int{8, 2, 4, 16} { // b, c, d, unknown
		if f.Class&(1<<i) != 0 {
			n += weight
		}
	}
	return n
}

// together finds what only the combination does: a scan that would let others
// write, under a lock that another action needs.
func together(whole *Finding, actions []Action) {
	for _, a := range actions {
		if a.long && a.Class&Slow == 0 && whole.Lock.stops() && !a.Lock.stops() {
			whole.Class |= Slow
			whole.because("all rows are read under " + whole.Lock.String() + ", which another action takes")
			whole.Safer = "put " + cutTo(a.SQL, longestLiteral) + " into a transaction of its own"
			return
		}
	}
}

// alterAction judges one action.
func (j *judge) alterAction(t *table, c *cursor) Finding {
	switch {
	case c.accept("add"):
		if isConstraint(c) {
			return j.addConstraint(t, c)
		}
		c.accept("column")
		return j.addColumn(t, c)
	case c.accept("drop"):
		if c.accept("constraint") {
			return j.dropConstraint(t, c)
		}
		c.accept("column")
		return j.dropColumn(t, c)
	case c.is("alter", "constraint"):
		c.at += 2
		return j.alterConstraint(t, c)
	case c.accept("alter"):
		c.accept("column")
		return j.alterColumn(t, c)
	case c.accept("validate", "constraint"):
		return j.validate(t, c)
	case c.accept("rename"):
		return j.rename(t, c)
	case c.is("attach"), c.is("detach"), c.is("split"), c.is("merge"):
		return j.partition(t, c)
	}
	return j.alterProperty(t, c)
}
