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
		f := j.alterAction(t, one)
		if f.Class&Opaque == 0 && !f.Fails && !one.done() {
			f = opaque("not understood from " + quoteFor(one.peek(0)) + " on")
		}
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

// isConstraint tells whether ADD adds a constraint rather than a column.
func isConstraint(c *cursor) bool {
	return startsConstraint(c) || c.is("not", "null")
}

func startsConstraint(c *cursor) bool {
	second := c.peek(1)
	switch {
	case c.is("constraint"), c.is("primary", "key"), c.is("foreign", "key"):
		return true
	case c.is("check"):
		return second.isSymbol("(")
	case c.is("unique"), c.is("exclude"):
		return second.isSymbol("(") || second.isWord("using") || second.isWord("nulls")
	}
	return false
}

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
		if c.any("default", "full", "nothing") == "" && c.accept("using", "index") {
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
