package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gapless/internal/migrate/ddl"
)

// verdictPainter shows what is said about SQL files, in the order of the files.
type verdictPainter struct {
	bytes.Buffer
	screen screen // for its colours
}

// Verdicts prints a report. color is "auto", "always" or "never".
func Verdicts(out io.Writer, report ddl.Report, color string) error {
	file, _ := out.(*os.File)
	wanted := wantsColor(Options{Color: color, Getenv: os.Getenv})
	if color != "always" && (!isTerminal(file) || os.Getenv("TERM") == "dumb") {
		wanted = false
	}
	p := &verdictPainter{screen: screen{color: wanted}}
	name := ""
	for i, s := range report.Statements {
		if i == 0 || s.File != name {
			name = s.File
			p.notes(report.Notes, name, i > 0)
		}
		p.statement(s)
	}
	for _, note := range report.Notes {
		if !slices.ContainsFunc(report.Statements, func(s ddl.Statement) bool { return s.File == note.File }) {
			fmt.Fprintf(p, "%s:%d: %s\n", clean(note.File), note.Line, clean(note.Text))
		}
	}
	p.summary(report)
	_, err := out.Write(p.Bytes())
	return err
}

// VerdictsJSON prints a report as one JSON object.
func VerdictsJSON(out io.Writer, report ddl.Report) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(report); err != nil {
		return err
	}
	_, err := out.Write(cleanJSON(text.Bytes()))
	return err
}

// notes begins a file with what is said about it as a whole.
func (p *verdictPainter) notes(notes []ddl.Note, file string, more bool) {
	if more {
		p.WriteByte('\n')
	}
	fmt.Fprintln(p, clean(file))
	for _, note := range notes {
		if note.File == file {
			fmt.Fprintln(p, p.screen.paint(fmt.Sprintf("%6d  note     %s", note.Line, clean(note.Text)), colors[statePending]))
		}
	}
}

// statement is one line for what is safe, and some more for what is not.
func (p *verdictPainter) statement(s ddl.Statement) {
	class := s.Class.String()
	if s.Fails {
		class = "fails"
	}
	fmt.Fprintf(p, "%6d  %s %s\n", s.Line, p.screen.paint(fmt.Sprintf("%-8s", class), classColor(s.Finding)), fit(clean(s.SQL), 100))
	if s.Class == ddl.Safe {
		return
	}
	if len(s.Locks) > 0 || s.Class&ddl.Opaque == 0 && !s.Fails {
		p.detail("does", effects(s.Finding))
	}
	p.detail("why", s.Why)
	for _, a := range s.Actions {
		if a.Class != ddl.Safe && !strings.HasPrefix(s.Why, a.Why) {
			p.detail("", fmt.Sprintf("%s: %s (%s)", fit(a.SQL, 40), a.Why, a.Class))
		}
	}
	p.detail("instead", s.Safer)
}

func (p *verdictPainter) detail(label, text string) {
	if text != "" {
		fmt.Fprintf(p, "%17s%-7s  %s\n", "", label, clean(text))
	}
}

func classColor(f ddl.Finding) string {
	switch {
	case f.Class == ddl.Safe:
		return colors[stateDone]
	case f.Class == ddl.Slow && !f.Fails:
		return colors[stateUndoing]
	case f.Class&ddl.Opaque != 0:
		return colors[stateRunning]
	}
	return colors[stateFailed]
}

// effects are the locks, and what is done to whole tables, in words.
func effects(f ddl.Finding) string {
	var parts []string
	for _, lock := range f.Locks {
		parts = append(parts, lock.Lock.String()+" on "+lock.Table)
	}
	if f.Lock == ddl.UnknownLock {
		parts = append(parts, "unknown locks")
	}
	for _, one := range []struct {
		answer    ddl.Answer
		yes, open string
	}{{f.Rewrite, "rewrites the table", "may rewrite the table"}, {f.Scan, "reads all rows", "may read all rows"}} {
		switch one.answer {
		case ddl.Yes:
			parts = append(parts, one.yes)
		case ddl.Unknown:
			parts = append(parts, one.open)
		}
	}
	if f.Algorithm != "" {
		parts = append(parts, "ALGORITHM="+f.Algorithm)
	}
	switch f.Reversible {
	case ddl.No:
		parts = append(parts, "cannot be undone")
	case ddl.Unknown:
		parts = append(parts, "may not be undone")
	}
	if f.Transaction == ddl.Forbidden {
		parts = append(parts, "not in a transaction")
	}
	return strings.Join(parts, "; ")
}

// summary counts, worst first. A statement may be counted more than once.
func (p *verdictPainter) summary(report ddl.Report) {
	if len(report.Statements) == 0 {
		fmt.Fprintln(p, "no statements")
		return
	}
	var parts []string
	for _, one := range []struct {
		words string
		in    func(ddl.Statement) bool
	}{
		{"not understood", func(s ddl.Statement) bool { return s.Class&ddl.Opaque != 0 }},
		{"failing", func(s ddl.Statement) bool { return s.Fails }},
		{"losing data or irreversible (d)", func(s ddl.Statement) bool { return s.Class&ddl.Loses != 0 }},
		{"breaking the old code (b)", func(s ddl.Statement) bool { return s.Class&ddl.Breaks != 0 }},
		{"locking, rewriting or reading for long (c)", func(s ddl.Statement) bool { return s.Class&ddl.Slow != 0 && !s.Fails }},
		{"safe beside the old code (a)", func(s ddl.Statement) bool { return s.Class == ddl.Safe }},
	} {
		n := 0
		for _, s := range report.Statements {
			if one.in(s) {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, one.words))
		}
	}
	word := "statements"
	if len(report.Statements) == 1 {
		word = "statement"
	}
	fmt.Fprintf(p, "\n%d %s: %s\n", len(report.Statements), word, strings.Join(parts, ", "))
}
