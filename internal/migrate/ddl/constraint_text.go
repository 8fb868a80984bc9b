package ddl

import "strings"

// constraintText is a constraint of ALTER TABLE ADD as it is written.
type constraintText struct {
	name        string
	kind        string // check, foreign, unique, primary, exclude, not
	inner       []token
	columns     []string
	references  string
	usingIndex  bool
	notValid    bool
	notEnforced bool
	noInherit   bool
}

// constraintText passes a constraint; ok is false if it is not understood.
func (c *cursor) constraintText() (k constraintText, ok bool) {
	if c.accept("constraint") {
		if k.name, ok = c.name(); !ok {
			return k, false
		}
	}
	k.kind = c.next().text
	return k, c.constraintKind(&k) && c.constraintTail(&k)
}

// constraintKind passes what a constraint says.
func (c *cursor) constraintKind(k *constraintText) (ok bool) {
	switch k.kind {
	case "check":
		if k.inner, ok = c.parens(); !ok {
			return false
		}
	case "foreign":
		if !c.accept("key") || !c.columnList(k) || !c.accept("references") {
			return false
		}
		if k.references, ok = c.name(); !ok {
			return false
		}
		c.parens()
	case "unique", "primary":
		if k.kind == "primary" && !c.accept("key") {
			return false
		}
		if c.accept("using", "index") {
			k.usingIndex = true
			c.name()
		} else {
			if c.accept("nulls") {
				c.accept("not")
				c.accept("distinct")
			}
			if !c.columnList(k) {
				return false
			}
		}
	case "exclude":
		if c.accept("using") {
			c.next()
		}
		if _, ok = c.parens(); !ok {
			return false
		}
	case "not":
		name := ""
		if !c.accept("null") {
			return false
		}
		if name, ok = c.name(); !ok {
			return false
		}
		k.columns = []string{name}
	default:
		return false
	}
	return true
}

func (c *cursor) columnList(k *constraintText) bool {
	inner, ok := c.parens()
	k.columns, _ = plainNames(inner)
	return ok
}

// constraintTail passes what may follow any constraint.
func (c *cursor) constraintTail(k *constraintText) bool {
	for !c.done() {
		found, known := c.referenceOption()
		switch {
		case !known:
			return false
		case found:
		case c.accept("not", "valid"):
			k.notValid = true
		case c.accept("not", "enforced"):
			k.notEnforced = true
		case c.accept("no", "inherit"):
			k.noInherit = true
		case c.accept("enforced"), c.accept("not", "deferrable"), c.accept("deferrable"),
			c.accept("initially", "deferred"), c.accept("initially", "immediate"):
		case c.accept("include"), c.accept("with"), c.accept("where"):
			if _, ok := c.parens(); !ok {
				return false
			}
		case c.accept("using", "index", "tablespace"):
			c.next()
		default:
			return false
		}
	}
	return true
}

// notNullOf is the column of CHECK (column IS NOT NULL).
func notNullOf(tokens []token) string {
	c := &cursor{tokens: tokens}
	for {
		inner, ok := c.parens()
		if !ok || !c.done() {
			break
		}
		c = &cursor{tokens: inner}
	}
	c.at = 0
	if !c.peek(0).isName() {
		return ""
	}
	name := c.next().name()
	if c.accept("is", "not", "null") && c.done() {
		return name
	}
	return ""
}

// namedForeignKey knows the names that Postgres and Django give to foreign keys.
func namedForeignKey(name string) bool {
	name = strings.Trim(name, `"`)
	return strings.HasSuffix(name, "_fkey") || strings.Contains(name, "_fk_") || strings.HasPrefix(name, "fk_") || strings.HasSuffix(name, "_fk")
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
