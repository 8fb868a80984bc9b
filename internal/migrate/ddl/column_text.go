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
		if found, known := c.referenceOption(); !found || !known {
			return known
		}
	}
}

// referenceOption passes an option of REFERENCES, if there is one; known is false
// where it is not understood.
func (c *cursor) referenceOption() (found, known bool) {
	switch {
	case c.accept("match", "full"), c.accept("match", "simple"), c.accept("match", "partial"):
		return true, true
	case c.accept("on", "delete"), c.accept("on", "update"):
	default:
		return false, true
	}
	switch {
	case c.accept("no", "action"), c.accept("restrict"), c.accept("cascade"):
		return true, true
	case c.accept("set", "null"), c.accept("set", "default"):
		c.parens()
		return true, true
	}
	return true, false
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
