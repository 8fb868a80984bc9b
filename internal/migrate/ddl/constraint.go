package ddl

import (
	"fmt"
	"strings"
)

// addConstraint judges ADD CONSTRAINT.
func (j *judge) addConstraint(t *table, c *cursor) Finding {
	k, ok := c.constraintText()
	if !ok {
		return opaque("a constraint that is not understood")
	}
	f := j.constraint(t, k)
	if !f.Fails {
		j.noteConstraint(t, k)
	}
	return f
}

// constraint judges a constraint that is added.
func (j *judge) constraint(t *table, k constraintText) Finding {
	// What the old code does not write, it cannot write wrongly.
	var breaks Class
	if !t.allAdded(k.columns) {
		breaks = Breaks
	}
	switch k.kind {
	case "check":
		return j.addCheck(t, k)
	case "foreign":
		return j.addForeignKey(t, k, breaks)
	case "not":
		return j.addNotNull(t, k)
	case "exclude":
		return does(Breaks|Slow, "nobody reads or writes "+t.name+" until its index is built; from then on writes of the old code may be refused").scans().
			on(t.name, AccessExclusive).instead("there is none but a new table, or a window")
	}
	if k.usingIndex {
		return j.usingIndex(t, k)
	}
	return does(breaks|Slow, "nobody reads or writes "+t.name+" until its index is built; it fails on duplicates, and from then on so do writes of the old code that make some").scans().
		on(t.name, AccessExclusive).instead("CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX")
}

// noteConstraint remembers a constraint for the statements that follow.
func (j *judge) noteConstraint(t *table, k constraintText) {
	kind := map[string]constraintKind{"check": checkConstraint, "foreign": foreignKey, "not": notNullConstraint}[k.kind]
	if kind == 0 {
		kind = uniqueConstraint
	}
	known := &constraint{kind: kind, valid: !k.notValid && !k.notEnforced, references: k.references}
	switch k.kind {
	case "not":
		known.column = k.columns[0]
	case "check":
		known.column = notNullOf(k.inner)
	}
	name := k.name
	if name == "" && k.kind == "not" {
		name = lastPart(t.name) + "_" + k.columns[0] + "_not_null"
	}
	if k.noInherit {
		known.column = "" // the tables that inherit may hold null
	}
	if name == "" { // nobody knows by which name it can be dropped
		known.column = ""
		name = fmt.Sprintf("the %d.", len(t.constraints)+1)
	}
	t.constraints[name] = known
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func (j *judge) addCheck(t *table, k constraintText) Finding {
	class := Breaks
	if t.onlyAdded(k.inner) {
		class = Safe
	}
	refuses := "from now on writes of the old code may be refused"
	switch {
	case k.notEnforced && !j.target.Version.has(18):
		return fails("NOT ENFORCED came with Postgres 18", "")
	case k.notEnforced:
		return does(Safe, "nothing is checked").on(t.name, AccessExclusive)
	case k.notValid && class == Safe:
		return does(Safe, "it is about columns that the old code does not write").on(t.name, AccessExclusive)
	case k.notValid:
		return does(class, refuses).on(t.name, AccessExclusive).instead("add it when no old code writes what it refuses")
	}
	why := "all rows are read, and nobody reads or writes " + t.name + " meanwhile"
	if class != Safe {
		why += "; " + refuses
	}
	return does(class|Slow, why).scans().on(t.name, AccessExclusive).instead("NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own")
}

// onlyAdded tells whether an expression is about columns that were added here,
// and lets null through: the old code leaves them null, or at their default.
func (t *table) onlyAdded(tokens []token) bool {
	found := false
	for i, token := range tokens {
		switch {
		case !token.isName():
			continue
		case token.isWord("is"), token.isWord("null"), token.isWord("coalesce"), token.isWord("case"), token.isWord("num_nonnulls"), token.isWord("num_nulls"):
			return false
		case t.columns[token.name()] != nil && t.columns[token.name()].added:
			found = true
			if t.columns[token.name()].hasDefault {
				return false // nobody knows whether the default passes
			}
		case token.kind == kindWord && (bareWords[token.text] || builtIn[token.text] || steadyFunctions[token.text] && i+1 < len(tokens) && tokens[i+1].isSymbol("(")):
		default:
			return false
		}
	}
	return found
}

func (j *judge) addForeignKey(t *table, k constraintText, breaks Class) Finding {
	refuses := "from now on the old code cannot write what refers to no row of " + k.references + ", nor delete what is referred to"
	safer := "NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own"
	f := does(breaks|Slow, "all rows are read, and writes to both tables wait meanwhile").scans()
	switch {
	case k.notEnforced && !j.target.Version.has(18):
		return fails("NOT ENFORCED came with Postgres 18", "")
	case k.notEnforced:
		f, safer = does(Safe, "nothing is checked"), ""
	case k.notValid && t.made && t.partitioned && !j.target.Version.has(18):
		return fails("a foreign key of a partitioned table can be NOT VALID from Postgres 18 on", "")
	case k.notValid:
		f, safer = does(breaks, "takes locks on both tables, and reads no row"), ""
		if breaks != 0 {
			f.Why, safer = refuses, "add it when no old code writes what it refuses"
		}
	case breaks != 0:
		f.because(refuses)
	}
	f = f.on(t.name, ShareRowExclusive)
	if k.references != t.name {
		f = f.on(k.references, ShareRowExclusive)
	}
	return f.instead(safer)
}

// addNotNull judges ADD NOT NULL, which came with Postgres 18.
func (j *judge) addNotNull(t *table, k constraintText) Finding {
	if !j.target.Version.has(18) {
		return fails("NOT NULL as a table constraint came with Postgres 18", "ALTER COLUMN ... SET NOT NULL")
	}
	if !k.notValid {
		return j.setNotNull(t, k.columns[0])
	}
	f := j.setNotNull(t, k.columns[0])
	f.Class &^= Slow
	f.Scan, f.long, f.Safer = No, false, ""
	if f.Why = "no row is read"; f.Class&Breaks != 0 {
		f.Why, f.Safer = "from now on the old code cannot write null", "add it when no old code writes null"
	}
	return f
}

// usingIndex judges a constraint that takes over an index.
func (j *judge) usingIndex(t *table, k constraintText) Finding {
	if k.kind == "unique" {
		return does(Safe, "the index is there, and enforces it already").on(t.name, AccessExclusive)
	}
	f := does(Breaks|Slow, "columns that can be null are read in full, and become NOT NULL for the old code too").on(t.name, AccessExclusive).
		instead("make the columns NOT NULL first")
	f.Scan, f.long = Unknown, true
	return f
}

// validate judges VALIDATE CONSTRAINT.
func (j *judge) validate(t *table, c *cursor) Finding {
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	f := does(Safe, "all rows are read, and others read and write meanwhile").scans().on(t.name, ShareUpdateExclusive)
	known := t.constraints[name]
	switch {
	case known == nil:
		return f.on("the table that it refers to, if it is a foreign key", RowShare)
	case known.kind == foreignKey:
		f = f.on(known.references, RowShare)
	}
	known.valid = true
	return f
}

// dropConstraint judges DROP CONSTRAINT.
func (j *judge) dropConstraint(t *table, c *cursor) Finding {
	c.ifExists()
	name, ok := c.name()
	if !ok {
		return opaque("not understood")
	}
	cascade := c.accept("cascade")
	c.accept("restrict")
	known := t.constraints[name]
	delete(t.constraints, name)
	foreign := does(Slow, "nobody reads or writes either table meanwhile").on(t.name, AccessExclusive).
		instead("a transaction of its own, with a lock_timeout")
	var f Finding
	switch {
	case known != nil && known.kind == foreignKey:
		f = foreign.on(known.references, AccessExclusive)
	case known != nil:
		f = does(Safe, "the constraint was added in this file").on(t.name, AccessExclusive)
	case namedForeignKey(name):
		f = foreign.on("the table that it refers to", AccessExclusive)
	default:
		f = does(Breaks|Slow, "the statement does not say what it is: a foreign key locks the other table too, and without a unique constraint ON CONFLICT of the old code fails").
			on(t.name, AccessExclusive).on("the table that it refers to, if it is a foreign key", AccessExclusive).
			instead("a transaction of its own, with a lock_timeout, when the old version has stopped")
	}
	if cascade {
		f.Class |= Slow
		f.cascades()
	}
	return f
}

// alterConstraint judges ALTER CONSTRAINT.
func (j *judge) alterConstraint(t *table, c *cursor) Finding {
	if _, ok := c.name(); !ok {
		return opaque("not understood")
	}
	var k constraintText
	enforced := false
	for _, token := range c.rest() {
		enforced = enforced || token.isWord("enforced")
	}
	if !c.constraintTail(&k) || k.notValid {
		return opaque("not understood")
	}
	switch {
	case enforced && !j.target.Version.has(18):
		return fails("ENFORCED came with Postgres 18", "")
	case enforced && !k.notEnforced:
		return does(Breaks|Slow, "all rows are read, and from then on writes of the old code may be refused").scans().on(t.name, AccessExclusive).instead(afterSwitch)
	}
	return does(Safe, "changes when it is checked").on(t.name, AccessExclusive)
}
