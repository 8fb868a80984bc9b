package ddl

import (
	"fmt"
	"slices"
	"strings"
)

// statement is the tokens between two semicolons.
type statement struct {
	tokens []token
	line   int
	broken string // why it cannot be read
	meta   bool   // a command to psql that runs SQL from elsewhere
	within bool   // between \if and \endif
	code   string // what stands for code that is no SQL
	back   bool   // begins in the part of the file that is the way back
}

// mostTokens bounds the memory that one statement takes.
const mostTokens = 1_000_000

// splitter cuts a text into statements as psql and mysql do.
type splitter struct {
	lexer
	depth     int // of parentheses
	bodies    int // of BEGIN ATOMIC, and of CASE within
	ifs       int
	counted   int // offset up to which lines are counted
	lines     int
	notes     []Note
	skipped   int // commands to psql
	firstSkip int
	back      bool // in the part of the file that is the way back
	codes     []statement
	noTx      bool // a directive says that the file is not run in a transaction
}

func newSplitter(text string, mysql bool) *splitter {
	s := &splitter{lexer: lexer{text: text, mysql: mysql, backslash: mysql}, lines: 1}
	s.lexer.comment = s.directive
	return s
}

// lineAt counts lines; offsets must not go back.
func (s *splitter) lineAt(offset int) int {
	s.lines += strings.Count(s.text[s.counted:offset], "\n")
	s.counted = offset
	return s.lines
}

func (s *splitter) all() []statement {
	var all []statement
	for {
		one, more := s.statement()
		if (len(one.tokens) > 0 || one.broken != "") && !(one.back && s.back) {
			all = append(all, one)
		}
		if !more {
			break
		}
	}
	if len(s.codes) > 0 {
		all = append(all, s.codes...)
		slices.SortStableFunc(all, func(a, b statement) int { return a.line - b.line })
	}
	if s.skipped > 0 {
		s.note(s.firstSkip, "%s skipped: psql runs them, a server does not", plural(s.skipped, "psql command is", "psql commands are"))
	}
	return all
}

// statement reads up to the next semicolon; more is false at the end.
func (s *splitter) statement() (one statement, more bool) {
	s.depth, s.bodies = 0, 0
	for {
		t := s.next()
		if s.broken != "" {
			one.broken, s.broken = s.broken, ""
		}
		if len(one.tokens) == 0 && t.kind != kindEnd {
			one.line = s.lineAt(t.start)
			one.within, one.back = s.ifs > 0, s.back
		}
		switch {
		case t.kind == kindEnd:
			s.unfinished(&one)
			return one, false
		case t.kind == kindMeta:
			if s.command(&one, t) {
				return one, true
			}
		case s.mysql && len(one.tokens) == 0 && t.isWord("delimiter"):
			s.setDelimiter(t)
		case s.ends(t):
			if copiesData(one.tokens) {
				s.passData(&one)
			}
			s.obey(one.tokens)
			return one, true
		default:
			if t.kind == kindOther {
				one.broken = fmt.Sprintf("%q is nothing that SQL knows", t.text)
			}
			s.nest(one.tokens, t)
			if len(one.tokens) < mostTokens {
				one.tokens = append(one.tokens, t)
			} else {
				one.broken = "larger than a statement that is read"
			}
		}
	}
}

// unfinished marks a statement that swallowed the rest of the text.
func (s *splitter) unfinished(one *statement) {
	switch {
	case one.broken != "" || len(one.tokens) == 0:
	case s.depth > 0:
		one.broken = "a parenthesis that is not closed"
	case s.bodies > 0:
		one.broken = "a body that does not end"
	case copiesData(one.tokens):
		one.broken = "COPY without its data"
	}
	if one.broken != "" && one.line == 0 {
		one.line = s.lineAt(min(s.counted, len(s.text)))
	}
}

// nest follows parentheses, and the bodies of functions in standard SQL, in
// which a semicolon does not end the statement.
func (s *splitter) nest(before []token, t token) {
	switch {
	case t.isSymbol("("):
		s.depth++
	case t.isSymbol(")"):
		s.depth = max(0, s.depth-1)
	case s.mysql || s.depth > 0 || t.kind != kindWord:
	case t.text == "atomic" && len(before) > 2 && before[len(before)-1].isWord("begin") && before[0].isWord("create"):
		s.bodies++
	case t.text == "case" && s.bodies > 0:
		s.bodies++
	case t.text == "end" && s.bodies > 0:
		s.bodies--
	}
}

// ends tells whether a token ends the statement.
func (s *splitter) ends(t token) bool {
	if s.stop != "" {
		if !strings.HasPrefix(s.text[t.start:], s.stop) {
			return false
		}
		s.at = t.start + len(s.stop)
		return true
	}
	return t.isSymbol(";") && s.depth == 0 && s.bodies == 0
}

// setDelimiter reads a line of MySQL's client, such as DELIMITER //.
func (s *splitter) setDelimiter(t token) {
	line := s.text[t.end:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	s.at = t.end + len(line)
	if s.stop = strings.TrimSpace(line); s.stop == ";" {
		s.stop = ""
	}
}

// command handles a command to psql. It tells whether the statement ends here.
func (s *splitter) command(one *statement, t token) bool {
	name, _, _ := strings.Cut(t.text, " ")
	alone := len(one.tokens) == 0
	switch name {
	case "g", "gx", "gset", "gdesc", "crosstabview", "watch", "bind", "parse", "bind_named":
		return true
	case "r", "reset":
		one.tokens = nil
		return true
	case "if":
		s.ifs++
	case "endif":
		s.ifs = max(0, s.ifs-1)
	case "i", "ir", "include", "include_relative", "gexec", "!", "copy", "c", "connect":
		if alone {
			one.meta = true
			one.tokens = []token{t}
			return true
		}
		if name != "gexec" {
			one.broken = `\` + name + " within a statement"
			return false
		}
		one.broken = `\gexec runs what the query returns`
		return true
	}
	if s.skipped++; s.skipped == 1 {
		s.firstSkip = s.lineAt(t.start)
	}
	return false
}

// copiesData tells whether lines of data follow the statement.
func copiesData(tokens []token) bool {
	return len(tokens) > 0 && tokens[0].isWord("copy") &&
		slices.ContainsFunc(tokens, func(t token) bool { return t.isWord("stdin") })
}

// passData skips the lines up to the one that ends them.
func (s *splitter) passData(one *statement) {
	for at := s.at; at < len(s.text); {
		end := strings.IndexByte(s.text[at:], '\n')
		if end < 0 {
			end = len(s.text) - at
		}
		line := strings.TrimRight(s.text[at:at+end], "\r")
		at = min(len(s.text), at+end+1)
		if line == `\.` {
			s.at = at
			return
		}
	}
	s.at = len(s.text)
	one.broken = `COPY whose data do not end with \.`
}

// obey follows the setting that changes how strings are read.
func (s *splitter) obey(tokens []token) {
	if s.mysql || len(tokens) < 4 || !tokens[0].isWord("set") {
		return
	}
	for i, t := range tokens[:len(tokens)-1] {
		if t.isWord("standard_conforming_strings") {
			last := tokens[len(tokens)-1]
			off := strings.Trim(lower(last.text), "'")
			s.backslash = i > 0 && slices.Contains([]string{"off", "false", "no", "0"}, off)
		}
	}
}

// directive obeys the comments by which goose, sql-migrate and dbmate tell the
// way forward from the way back.
func (s *splitter) directive(start int, text string) {
	if start > 0 && s.text[start-1] != '\n' {
		return
	}
	// sqlmigrate of Django says so where a migration runs Python.
	if strings.Contains(lower(text), "cannot be written as sql") && !s.back {
		s.codes = append(s.codes, statement{line: s.lineAt(start), code: strings.TrimSpace(text)})
		return
	}
	words := strings.Fields(lower(strings.TrimLeft(text, "-# ")))
	if len(words) == 0 {
		return
	}
	name := words[0]
	if (name == "+goose" || name == "+migrate") && len(words) > 1 {
		name = "migrate:" + words[1]
	}
	rest := strings.Join(words[1:], " ")
	switch {
	case name == "migrate:down":
		if !s.back {
			s.note(s.lineAt(start), "from here on the file is the way back, which is not judged")
		}
		s.back = true
	case name == "migrate:up":
		s.back = false
		s.noTx = s.noTx || strings.Contains(rest, "notransaction") || strings.Contains(rest, "transaction:false")
	case words[0] == "+goose" && rest == "no transaction", words[0] == "atlas:txmode" && rest == "none":
		s.noTx = true
	}
}

func (s *splitter) note(line int, format string, args ...any) {
	s.notes = append(s.notes, Note{Line: line, Text: fmt.Sprintf(format, args...)})
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
