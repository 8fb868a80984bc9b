package ddl

import "strings"

// lexer cuts a text into tokens. It never fails: what does not end is reported
// in broken, and the text is used up.
type lexer struct {
	text      string
	at        int
	mysql     bool
	backslash bool   // plain strings know backslash escapes
	stop      string // what MySQL's client takes for a semicolon
	broken    string // why the last token has no end
	executed  bool   // within a comment that MySQL executes
	comment   func(start int, text string)
}

func (l *lexer) next() token {
	l.skip()
	start := l.at
	if start >= len(l.text) {
		return token{kind: kindEnd, start: start, end: start}
	}
	switch b := l.text[start]; {
	case b == '\'':
		return l.string(start, start, l.backslash)
	case b == '"' && l.mysql:
		return l.string(start, start, true)
	case b == '"', b == '`' && l.mysql:
		return l.quoted(start, start)
	case b == '$' && !l.mysql:
		return l.dollar(start)
	case b == '\\' && !l.mysql:
		return l.meta(start)
	case b >= '0' && b <= '9', b == '.' && start+1 < len(l.text) && isDigit(l.text[start+1]):
		return l.number(start)
	case isNameStart(b):
		return l.word(start)
	}
	return l.symbol(start)
}

func (l *lexer) take(k kind, text string, start int) token {
	return token{kind: k, text: text, start: start, end: l.at}
}

// skip passes white space and comments.
func (l *lexer) skip() {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "\ufeff") && l.at == 0:
			l.at += len("\ufeff")
		case l.mysql && rest[0] == '#', strings.HasPrefix(rest, "--") && (!l.mysql || len(rest) == 2 || rest[2] <= ' '):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			if l.comment != nil {
				l.comment(l.at, rest[:end])
			}
			l.at += end
		case l.mysql && (strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!")):
			l.at += strings.IndexByte(rest, '!') + 1
			for l.at < len(l.text) && isDigit(l.text[l.at]) {
				l.at++
			}
			l.executed = true
		case l.executed && strings.HasPrefix(rest, "*/"):
			l.at += 2
			l.executed = false
		case strings.HasPrefix(rest, "/*"):
			l.blockComment()
		default:
			return
		}
	}
}

// blockComment passes a comment. In Postgres they nest.
func (l *lexer) blockComment() {
	depth := 0
	for l.at < len(l.text) {
		switch rest := l.text[l.at:]; {
		case strings.HasPrefix(rest, "/*") && (depth == 0 || !l.mysql):
			depth++
			l.at += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.at += 2
			if depth == 0 {
				return
			}
		default:
			l.at++
		}
	}
	l.broken = "a comment that does not end"
}

// string reads a constant whose opening quote is at open.
func (l *lexer) string(start, open int, backslash bool) token {
	quote := l.text[open]
	for i := open + 1; i < len(l.text); i++ {
		switch {
		case l.text[i] == '\\' && backslash:
			i++
		case l.text[i] == quote && i+1 < len(l.text) && l.text[i+1] == quote:
			i++
		case l.text[i] == quote:
			l.at = i + 1
			return l.take(kindString, l.text[start:l.at], start)
		}
	}
	l.at, l.broken = len(l.text), "a string that does not end"
	return l.take(kindString, l.text[start:], start)
}

// quoted reads a quoted name.
func (l *lexer) quoted(start, open int) token {
	quote := l.text[open : open+1]
	for i := open + 1; i < len(l.text); i++ {
		if l.text[i] != quote[0] {
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == quote[0] {
			i++
			continue
		}
		l.at = i + 1
		text := strings.ReplaceAll(l.text[open+1:i], quote+quote, quote)
		if open > start { // U&"": another name than the letters say
			text = l.text[start:l.at]
		}
		return l.take(kindQuoted, text, start)
	}
	l.at, l.broken = len(l.text), "a quoted name that does not end"
	return l.take(kindQuoted, l.text[open+1:], start)
}

// dollar reads $1, a dollar-quoted string, or a lone dollar.
func (l *lexer) dollar(start int) token {
	i := start + 1
	if i < len(l.text) && isDigit(l.text[i]) {
		for i < len(l.text) && isDigit(l.text[i]) {
			i++
		}
		l.at = i
		return l.take(kindParameter, l.text[start:i], start)
	}
	for i < len(l.text) && isNamePart(l.text[i]) && l.text[i] != '$' {
		i++
	}
	if i >= len(l.text) || l.text[i] != '$' {
		l.at = start + 1
		return l.take(kindOther, "$", start)
	}
	tag := l.text[start : i+1]
	end := strings.Index(l.text[i+1:], tag)
	if end < 0 {
		l.at, l.broken = len(l.text), "a string in "+tag+" that does not end"
		return l.take(kindString, l.text[start:], start)
	}
	l.at = i + 1 + end + len(tag)
	return l.take(kindString, l.text[start:l.at], start)
}

// meta reads a command to psql, which goes to the end of the line or to \\.
// Backslash and semicolon are a semicolon that psql sends on.
func (l *lexer) meta(start int) token {
	if strings.HasPrefix(l.text[start:], `\;`) {
		l.at = start + 2
		return l.take(kindSymbol, ";", start)
	}
	if start+1 >= len(l.text) || !isNameStart(l.text[start+1]) && l.text[start+1] != '!' && l.text[start+1] != '?' {
		l.at = start + 1
		return l.take(kindOther, `\`, start)
	}
	line := l.text[start+1:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	l.at = start + 1 + len(line)
	if end := strings.Index(line, `\\`); end >= 0 {
		line = line[:end]
		l.at = start + 1 + end + 2
	}
	return l.take(kindMeta, strings.TrimSpace(line), start)
}

func (l *lexer) number(start int) token {
	i := start
	for i < len(l.text) && (isNamePart(l.text[i]) || l.text[i] == '.' ||
		(l.text[i] == '+' || l.text[i] == '-') && (l.text[i-1] == 'e' || l.text[i-1] == 'E') && i > start && isDigit(l.text[start])) {
		i++
	}
	l.at = i
	return l.take(kindNumber, l.text[start:i], start)
}

// word reads a name, or a constant with a letter before its quote.
func (l *lexer) word(start int) token {
	i := start
	for i < len(l.text) && isNamePart(l.text[i]) && (l.stop == "" || !strings.HasPrefix(l.text[i:], l.stop)) {
		i++
	}
	if i == start { // a delimiter of letters
		i++
	}
	text := l.text[start:i]
	if i < len(l.text) && l.text[i] == '\'' && len(text) == 1 && strings.ContainsAny(text, "eEbBxXnN") {
		return l.string(start, i, l.backslash || text == "e" || text == "E")
	}
	if !l.mysql && i+1 < len(l.text) && (text == "u" || text == "U") && l.text[i] == '&' {
		switch l.text[i+1] {
		case '\'':
			return l.string(start, i+1, false)
		case '"':
			return l.quoted(start, i+1)
		}
	}
	l.at = i
	return l.take(kindWord, lower(text), start)
}

const operators = "+-*/<>=~!@#%^&|`?:"

func (l *lexer) symbol(start int) token {
	b := l.text[start]
	if strings.IndexByte("()[],;.", b) >= 0 {
		l.at = start + 1
		return l.take(kindSymbol, l.text[start:start+1], start)
	}
	if strings.IndexByte(operators, b) < 0 {
		l.at = start + 1
		return l.take(kindOther, l.text[start:start+1], start)
	}
	i := start + 1
	for i < len(l.text) && strings.IndexByte(operators, l.text[i]) >= 0 && (b == ':') == (l.text[i] == ':' || b == ':' && l.text[i] == '=') {
		rest := l.text[i:]
		if strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") || l.executed && strings.HasPrefix(rest, "*/") {
			break
		}
		i++
	}
	l.at = i
	return l.take(kindSymbol, l.text[start:i], start)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isNameStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

func isNamePart(b byte) bool { return isNameStart(b) || isDigit(b) || b == '$' }

// lower folds a name as Postgres does: letters of ASCII and no others.
func lower(text string) string {
	for i := range len(text) {
		if text[i] >= 'A' && text[i] <= 'Z' {
			folded := []byte(text)
			for j := i; j < len(folded); j++ {
				if folded[j] >= 'A' && folded[j] <= 'Z' {
					folded[j] += 'a' - 'A'
				}
			}
			return string(folded)
		}
	}
	return text
}
