package ddl

import "strings"

// kind is what a token is.
type kind uint8

const (
	kindEnd    kind = iota
	kindWord        // an unquoted name or key word; its text is in lower case
	kindQuoted      // a quoted name; its text is without the quotes
	kindString      // a constant in quotes, of any kind
	kindNumber
	kindParameter // $1, ?
	kindSymbol    // punctuation and operators
	kindMeta      // a command to psql; its text is the line without the backslash
	kindOther     // a byte that SQL does not have
)

// token is one word of SQL. start and end are offsets in the text.
type token struct {
	kind       kind
	text       string
	start, end int
}

func (t token) isWord(word string) bool     { return t.kind == kindWord && t.text == word }
func (t token) isSymbol(symbol string) bool { return t.kind == kindSymbol && t.text == symbol }

// isName tells whether the token can be an identifier.
func (t token) isName() bool { return t.kind == kindWord || t.kind == kindQuoted }

// name is the identifier as one has to write it, so that two ways to write the
// same name are equal.
func (t token) name() string {
	if t.kind == kindWord || plainName(t.text) {
		return t.text
	}
	return `"` + strings.ReplaceAll(t.text, `"`, `""`) + `"`
}

// plainName tells whether a quoted name means the same without its quotes.
func plainName(text string) bool {
	for i := range len(text) {
		b := text[i]
		if !(b >= 'a' && b <= 'z' || b == '_' || i > 0 && (b >= '0' && b <= '9' || b == '$')) {
			return false
		}
	}
	return text != ""
}
