package ddl

import (
	"strings"
	"unicode/utf8"
)

const (
	longestText    = 200 // characters of a statement that are shown
	longestLiteral = 40
)

// textOf writes tokens in one line, without comments; constants are shortened,
// and what follows PASSWORD is left out.
func textOf(source string, tokens []token) string {
	var b strings.Builder
	shown := 0
	for i, t := range tokens {
		if i > 0 && tokens[i-1].end < t.start {
			b.WriteByte(' ')
			shown++
		}
		part := source[t.start:t.end]
		if t.kind == kindString {
			if secret(tokens[:i]) {
				part = "'***'"
			} else if cut := cutTo(part, longestLiteral); cut != part {
				part = cut + "…" + part[len(part)-1:]
			}
		}
		for _, field := range strings.FieldsFunc(part, func(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }) {
			b.WriteString(field)
		}
		if shown += utf8.RuneCountInString(part); shown > longestText {
			return cutTo(b.String(), longestText) + "…"
		}
	}
	return b.String()
}

// secret tells whether a password comes next.
func secret(before []token) bool {
	last := len(before) - 1
	if last >= 0 && before[last].kind == kindSymbol && last > 0 {
		last--
	}
	if last < 0 || before[last].kind != kindWord {
		return false
	}
	return before[last].text == "password" || before[last].text == "by" && last > 0 &&
		(before[last-1].text == "identified" || before[last-1].kind == kindWord && hasWord(before[:last], "identified"))
}

// cutTo is the text up to a number of characters.
func cutTo(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			return text[:i]
		}
		characters--
	}
	return text
}
