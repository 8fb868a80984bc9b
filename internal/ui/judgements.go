package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"gapless/internal/migrate"
	"gapless/internal/update"
)

// migrationJSON is one migration for programs. What cannot be known is null.
type migrationJSON struct {
	Service       string             `json:"service"`
	Name          string             `json:"name"`
	Class         string             `json:"class"`
	Source        string             `json:"source"`
	Untraced      string             `json:"untraced,omitempty"`
	Lock          *string            `json:"lock"`
	Locks         []update.TableLock `json:"locks"`
	Rewrite       *bool              `json:"rewrite"`
	Scan          *bool              `json:"scan"`
	Reversible    *bool              `json:"reversible"`
	BreaksOld     *bool              `json:"breaks_old"`
	BreaksNew     *bool              `json:"breaks_new"`
	Why           string             `json:"why"`
	Reasons       []string           `json:"reasons"`
	Disagreements []string           `json:"disagreements"`
}

// JudgementsJSON prints reports as one JSON object: the migrations, and their
// statements in the form in which those of SQL files are printed.
func JudgementsJSON(out io.Writer, reports []migrate.Report) error {
	answer := struct {
		Migrations []migrationJSON     `json:"migrations"`
		Statements []migrate.Statement `json:"statements"`
	}{[]migrationJSON{}, []migrate.Statement{}}
	for _, report := range reports {
		for _, m := range report.Migrations {
			answer.Migrations = append(answer.Migrations, asJSON(report, m))
			answer.Statements = append(answer.Statements, m.Statements...)
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	_, err := out.Write(cleanJSON(text.Bytes()))
	return err
}

func asJSON(report migrate.Report, m migrate.Migration) migrationJSON {
	one := migrationJSON{Service: report.Service, Name: m.Name, Class: m.Class, Source: report.Source, Untraced: report.Untraced,
		Locks: append([]update.TableLock{}, m.Locks...), Why: m.Why(),
		Reasons: append([]string{}, m.Reasons()...), Disagreements: append([]string{}, m.Disagreements...)}
	reversible := len(m.Irreversible) == 0
	if m.Class != update.ClassUnknown || !reversible {
		one.Reversible = &reversible
	}
	if m.Class != update.ClassUnknown {
		lock := "none"
		if len(m.Locks) > 0 {
			lock = m.Locks[0].Lock
		}
		one.Lock = &lock
		rewrite, scan, breaks := len(m.Rewrites) > 0, len(m.Scans) > 0, len(m.BreaksOld) > 0
		one.Rewrite, one.Scan, one.BreaksOld = &rewrite, &scan, &breaks
	}
	if report.Compared && m.Class != update.ClassUnknown {
		breaks := len(m.BreaksNew) > 0
		one.BreaksNew = &breaks
	}
	return one
}

// Judgements prints reports for people.
func Judgements(out io.Writer, reports []migrate.Report, color string) error {
	file, _ := out.(*os.File)
	wanted := wantsColor(Options{Color: color, Getenv: os.Getenv})
	if color != "always" && (!isTerminal(file) || os.Getenv("TERM") == "dumb") {
		wanted = false
	}
	p := &verdictPainter{screen: screen{color: wanted}}
	count := 0
	for _, report := range reports {
		count += len(report.Migrations)
		p.report(report)
	}
	if count == 0 {
		fmt.Fprintln(p, "no migrations are due")
	}
	_, err := out.Write(p.Bytes())
	return err
}

// report shows the migrations of one service.
func (p *verdictPainter) report(report migrate.Report) {
	if len(report.Migrations) == 0 {
		return
	}
	how := "they ran in a shadow of the database"
	switch {
	case report.Source != update.JudgedByTrace:
		how = "by their statements alone: " + report.Untraced
	case report.Cached:
		how += ", for an earlier command"
	}
	if report.ByItself {
		how += "; its image migrates whenever a container starts"
	}
	fmt.Fprintf(p, "%s (%s)\n", clean(report.Service), clean(how))
	for _, m := range report.Migrations {
		fmt.Fprintf(p, "  %s %s\n", p.screen.paint(fmt.Sprintf("%-8s", m.Class), letterColor(m.Class)), clean(m.Name))
		p.detail("does", does(m))
		for _, reason := range m.Reasons() {
			p.detail("why", reason)
		}
		p.detail("new", newCode(report, m))
		for _, s := range m.Statements {
			if s.Class != update.ClassSafe && s.Safer != "" {
				p.detail("instead", fit(s.SQL, 60)+": "+s.Safer)
			}
		}
		for _, text := range m.Disagreements {
			p.detail("trace", text)
		}
	}
}

// does is what a migration does to tables that are in use.
func does(m migrate.Migration) string {
	var parts []string
	for _, lock := range m.Locks {
		parts = append(parts, lock.Lock+" on "+lock.Table)
	}
	for _, t := range m.Rewrites {
		parts = append(parts, "rewrites "+t.String())
	}
	for _, t := range m.Scans {
		parts = append(parts, "reads all of "+t.String())
	}
	if len(parts) == 0 {
		return "nothing to tables that are in use"
	}
	return strings.Join(parts, "; ")
}

// newCode says whether the new version can do without the migration for a while.
func newCode(report migrate.Report, m migrate.Migration) string {
	switch {
	case !report.Compared || m.Class == update.ClassUnknown:
		return ""
	case len(m.BreaksNew) > 0:
		return "the new version needs it: " + m.BreaksNew[0]
	}
	return "the new version can do without it for now"
}

func letterColor(class string) string {
	switch {
	case class == update.ClassSafe:
		return colors[stateDone]
	case class == "c":
		return colors[stateUndoing]
	case class == update.ClassUnknown:
		return colors[stateRunning]
	}
	return colors[stateFailed]
}
