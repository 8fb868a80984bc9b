package migrate

import (
	"slices"

	"gapless/internal/update"
)

// Report is what was found out about the migrations of one service.
type Report struct {
	Service  string `json:"service"`
	Source   string `json:"source"`             // update.JudgedByTrace or update.JudgedBySQL
	Untraced string `json:"untraced,omitempty"` // why they did not run in a shadow
	Compared bool   `json:"compared"`           // what the code of both versions uses was held against the schema
	ByItself bool   `json:"byItself"`           // the image migrates whenever a container starts
	Cached   bool   `json:"cached"`             // found out by an earlier command
	// Database is what they work on; nil if they did not run in a shadow of it.
	Database   *update.PostgresDatabase `json:"-"`
	Migrations []Migration              `json:"migrations"`
}

// Migration is one migration with its statements.
type Migration struct {
	update.Judged
	Statements []Statement `json:"statements"`
	// Disagreements are where the trace saw something else than the statement says
	// by itself. The trace is right.
	Disagreements []string `json:"disagreements,omitempty"`
}

// Statement is the verdict on one statement. What cannot be known is null.
type Statement struct {
	File       string             `json:"file"` // the migration
	Line       int                `json:"line"` // the number of the statement in it
	SQL        string             `json:"sql"`
	Class      string             `json:"class"`
	Lock       *string            `json:"lock"`
	Locks      []update.TableLock `json:"locks"`
	Rewrite    *bool              `json:"rewrite"`
	Scan       *bool              `json:"scan"`
	Reversible *bool              `json:"reversible"`
	Why        string             `json:"why"`
	Safer      string             `json:"safer"`
	Traced     bool               `json:"traced"`
}

// Judgement is the report as a plan needs it.
func (r Report) Judgement() *update.Judgement {
	judged := &update.Judgement{Source: r.Source, Untraced: r.Untraced, Compared: r.Compared, ByItself: r.ByItself, Database: r.Database, Migrations: []update.Judged{}}
	for _, m := range r.Migrations {
		judged.Migrations = append(judged.Migrations, m.Judged)
	}
	return judged
}

// Safe tells whether every migration is of class a.
func (r Report) Safe() bool {
	return !slices.ContainsFunc(r.Migrations, func(m Migration) bool { return m.Class != update.ClassSafe })
}

// weigh settles the classes once the sizes of the tables are known. What is done
// to an empty table takes no time.
func (r *Report) weigh(sizes map[string]update.Table) {
	for i := range r.Migrations {
		m := &r.Migrations[i]
		m.Rewrites, m.Scans = weighed(m.Rewrites, sizes), weighed(m.Scans, sizes)
		m.Class = m.class()
	}
}

// weighed gives tables their sizes and leaves out those that are empty.
func weighed(tables []update.Table, sizes map[string]update.Table) []update.Table {
	var kept []update.Table
	for _, t := range tables {
		if known, is := sizes[t.Name]; is {
			t = known
		}
		if !t.Known || t.Bytes > 0 {
			kept = append(kept, t)
		}
	}
	return kept
}

// class is the one of the migration as a whole.
func (m *Migration) class() string {
	if len(m.Unknown) > 0 && len(m.BreaksOld) == 0 {
		return update.ClassUnknown
	}
	letters := ""
	if len(m.BreaksOld) > 0 {
		letters += "b"
	}
	if len(m.Rewrites)+len(m.Scans) > 0 {
		letters += "c"
	}
	if len(m.Irreversible) > 0 {
		letters += "d"
	}
	if letters == "" {
		return update.ClassSafe
	}
	return letters
}

// Reasons are why a migration is not of class a.
func (m Migration) Reasons() []string {
	reasons := slices.Concat(m.BreaksOld, m.Unknown)
	for _, t := range m.Rewrites {
		reasons = append(reasons, "rewrites "+t.String())
	}
	for _, t := range m.Scans {
		reasons = append(reasons, "reads all of "+t.String()+" while others wait")
	}
	return append(reasons, m.Irreversible...)
}

// Why says in one sentence why it has its class.
func (m Migration) Why() string {
	if reasons := m.Reasons(); len(reasons) > 0 {
		return reasons[0]
	}
	return "it only adds: the version that runs now does not notice"
}
