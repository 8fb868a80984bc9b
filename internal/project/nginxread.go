package project

import (
	"slices"
	"strings"
)

// nginxWord is one word of a configuration of nginx, without its quotes.
type nginxWord struct {
	text     string
	line     int // from 1
	from, to int // bytes of that line, quotes included
}

// nginxDirective is one directive, or the head of a block. It is read without
// knowing what nginx would make of it: a file that nginx refuses, or a template
// that is yet to be filled in, has directives too.
type nginxDirective struct {
	words  []nginxWord
	inside []string // the heads of the blocks around it, from the outermost, such as "upstream shop"
}

// name is the first word.
func (d nginxDirective) name() string { return d.words[0].text }

// block is the innermost block around the directive, as its words.
func (d nginxDirective) block() []string {
	if len(d.inside) == 0 {
		return nil
	}
	return strings.Fields(d.inside[len(d.inside)-1])
}

// readNginx splits a configuration of nginx into its directives.
func readNginx(text string) []nginxDirective {
	var found []nginxDirective
	var inside []string
	var words []nginxWord
	end := func() {
		if len(words) > 0 {
			found = append(found, nginxDirective{words, slices.Clone(inside)})
		}
		words = nil
	}
	for number, line := range strings.Split(text, "\n") {
		for at := 0; at < len(line); {
			switch c := line[at]; {
			case c == ' ' || c == '\t' || c == '\r':
				at++
			case c == '#':
				at = len(line)
			case c == ';':
				end()
				at++
			case c == '{':
				head := headOf(words)
				end()
				inside = append(inside, head)
				at++
			case c == '}':
				end()
				inside = inside[:max(0, len(inside)-1)]
				at++
			default:
				word, next := nginxWordAt(line, at)
				word.line = number + 1
				words = append(words, word)
				at = next
			}
		}
	}
	end()
	return found
}

func headOf(words []nginxWord) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.text)
	}
	return strings.Join(texts, " ")
}

// nginxWordAt reads a word. Braces that belong to a variable are part of it, and
// a text in quotes ends with its line at the latest.
func nginxWordAt(line string, from int) (word nginxWord, next int) {
	if quote := line[from]; quote == '"' || quote == '\'' {
		at := from + 1
		for at < len(line) && line[at] != quote {
			if line[at] == '\\' {
				at++
			}
			at++
		}
		at = min(at, len(line))
		return nginxWord{text: line[from+1 : at], from: from, to: min(at+1, len(line))}, min(at+1, len(line))
	}
	at := from
	for at < len(line) && !strings.ContainsRune(" \t\r;{}", rune(line[at])) {
		switch {
		case line[at] == '\\':
			at++
		case strings.HasPrefix(line[at:], "${"):
			if length := strings.IndexByte(line[at:], '}'); length > 0 {
				at += length
			}
		}
		at++
	}
	at = max(min(at, len(line)), from+1)
	return nginxWord{text: line[from:at], from: from, to: at}, at
}
