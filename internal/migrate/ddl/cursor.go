package ddl

// cursor walks over the tokens of a statement.
type cursor struct {
	tokens []token
	at     int
}

func (c *cursor) done() bool { return c.at >= len(c.tokens) }

// peek is the token at some distance; beyond the end it is kindEnd.
func (c *cursor) peek(ahead int) token {
	if c.at+ahead >= len(c.tokens) {
		return token{}
	}
	return c.tokens[c.at+ahead]
}

func (c *cursor) next() token {
	t := c.peek(0)
	if !c.done() {
		c.at++
	}
	return t
}

func (c *cursor) rest() []token { return c.tokens[min(c.at, len(c.tokens)):] }

// is tells whether these words come next.
func (c *cursor) is(words ...string) bool {
	for i, word := range words {
		if !c.peek(i).isWord(word) {
			return false
		}
	}
	return true
}

// accept passes these words if they come next.
func (c *cursor) accept(words ...string) bool {
	if !c.is(words...) {
		return false
	}
	c.at += len(words)
	return true
}

// any passes one of the words, and returns it.
func (c *cursor) any(words ...string) string {
	for _, word := range words {
		if c.accept(word) {
			return word
		}
	}
	return ""
}

func (c *cursor) symbol(symbol string) bool {
	if !c.peek(0).isSymbol(symbol) {
		return false
	}
	c.at++
	return true
}

// name passes a name, which may be qualified.
func (c *cursor) name() (string, bool) {
	if !c.peek(0).isName() {
		return "", false
	}
	name := c.next().name()
	for c.peek(0).isSymbol(".") && c.peek(1).isName() {
		c.at++
		name += "." + c.next().name()
	}
	return name, true
}

// names passes a list of names with commas between them.
func (c *cursor) names() ([]string, bool) {
	var names []string
	for {
		name, ok := c.name()
		if !ok {
			return nil, false
		}
		names = append(names, name)
		if !c.symbol(",") {
			return names, true
		}
	}
}

// parens passes what is in parentheses, and returns it without them.
func (c *cursor) parens() ([]token, bool) {
	if !c.peek(0).isSymbol("(") {
		return nil, false
	}
	depth := 0
	for i := c.at; i < len(c.tokens); i++ {
		switch {
		case c.tokens[i].isSymbol("("):
			depth++
		case c.tokens[i].isSymbol(")"):
			depth--
		}
		if depth == 0 {
			inner := c.tokens[c.at+1 : i]
			c.at = i + 1
			return inner, true
		}
	}
	return nil, false
}

// ifExists passes IF EXISTS.
func (c *cursor) ifExists() bool { return c.accept("if", "exists") }

// split cuts tokens at the commas that are in no parentheses.
func split(tokens []token) [][]token {
	var parts [][]token
	depth, from := 0, 0
	for i, t := range tokens {
		if t.kind != kindSymbol {
			continue
		}
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case ",":
			if depth == 0 {
				parts = append(parts, tokens[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, tokens[from:])
}

// plainNames are the names in a list such as (a, b). It is false if there is
// anything else in it.
func plainNames(tokens []token) ([]string, bool) {
	c := &cursor{tokens: tokens}
	names, ok := c.names()
	return names, ok && c.done()
}

// hasWord tells whether a word is among the tokens.
func hasWord(tokens []token, words ...string) bool {
	for _, t := range tokens {
		for _, word := range words {
			if t.isWord(word) {
				return true
			}
		}
	}
	return false
}
