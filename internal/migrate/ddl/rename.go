package ddl

// rename judges RENAME; the cursor is behind it.
func (j *judge) rename(t *table, c *cursor) Finding {
	both := "the old code uses the old name, and the new code the new one"
	switch {
	case c.accept("to"):
		to, ok := c.name()
		if !ok {
			return opaque("not understood")
		}
		from := t.name
		f := does(Breaks, both).on(from, AccessExclusive).
			instead("keep the name; or rename, and make a view of the old name in the same transaction")
		if t.made {
			f.Why, f.Safer = "the old code knows another table of the new name", afterSwitch
		}
		j.known.rename(from, sibling(from, to))
		if t.made {
			f = does(Safe, "the table was made in this file").on(t.name, AccessExclusive)
		}
		return f
	case c.accept("constraint"):
		from, ok := c.name()
		to, ok2 := c.name2("to")
		if !ok || !ok2 {
			return opaque("not understood")
		}
		if known := t.constraints[from]; known != nil {
			delete(t.constraints, from)
			t.constraints[to] = known
			return does(Safe, "the constraint was added in this file").on(t.name, AccessExclusive)
		}
		return does(Breaks, "the old code may name it, as in ON CONFLICT ON CONSTRAINT").on(t.name, AccessExclusive).instead("keep the name")
	}
	c.accept("column")
	from, ok := c.name()
	to, ok2 := c.name2("to")
	if !ok || !ok2 {
		return opaque("not understood")
	}
	added := t.added(from)
	t.columns[to] = t.column(from)
	t.forget(from)
	if added {
		return does(Safe, "the column was added in this file").on(t.name, AccessExclusive)
	}
	return does(Breaks, both).on(t.name, AccessExclusive).
		instead("keep the name in the database; or add a column, write both, copy, and drop the old one later")
}

// name2 passes a word and a name.
func (c *cursor) name2(word string) (string, bool) {
	if !c.accept(word) {
		return "", false
	}
	return c.name()
}
