package update

import (
	"fmt"
	"slices"
	"strings"
)

// Where a judgement comes from.
const (
	JudgedByTrace = "trace"  // the migrations ran in a shadow of the schema
	JudgedBySQL   = "static" // their statements were read
)

// The classes of a migration; none of them is "a": it only adds.
const (
	ClassSafe    = "a"
	ClassUnknown = "unknown"
)

// Judgement is what was found out about the migrations of one service before
// they run.
type Judgement struct {
	Source     string            `json:"source"`
	Untraced   string            `json:"untraced,omitempty"` // why they did not run in a shadow
	Compared   bool              `json:"compared,omitempty"` // what the code of both versions uses is known
	ByItself   bool              `json:"byItself,omitempty"` // the image migrates whenever a container starts
	Database   *PostgresDatabase `json:"database,omitempty"` // that they work on; nil: not known to be a Postgres of the project
	Migrations []Judged          `json:"migrations"`
	// Free is what is free on the disk of the database; 0: not known.
	Free int64 `json:"free,omitempty"`
}

// Judged is the verdict on one migration.
type Judged struct {
	Name  string `json:"name"`
	Class string `json:"class"` // "a", letters of "bcd", or "unknown"
	// BreaksOld is what the version that runs now cannot do once it has run, and
	// BreaksNew what the new one cannot do before.
	BreaksOld []string `json:"breaksOld,omitempty"`
	BreaksNew []string `json:"breaksNew,omitempty"`
	// MayNeed is what of it the new version may need, which nothing tells.
	MayNeed []string `json:"mayNeed,omitempty"`
	Unknown []string `json:"unknown,omitempty"` // what could not be found out
	// What it does to tables that are there already: the strongest lock on each,
	// strongest first, and those that are written anew or read as a whole.
	Locks    []TableLock `json:"locks,omitempty"`
	Rewrites []Table     `json:"rewrites,omitempty"`
	Scans    []Table     `json:"scans,omitempty"`
	// Repeatable tells that a run of it which fails half-way leaves nothing.
	Repeatable bool `json:"repeatable,omitempty"`
	// Irreversible is why there is no way back.
	Irreversible []string `json:"irreversible,omitempty"`
}

// TableLock is a lock on a table, as Postgres calls it.
type TableLock struct {
	Table string `json:"table"`
	Lock  string `json:"lock"`
}

// Table is a table with its size, as the server estimates it.
type Table struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Known bool   `json:"known"` // the size is
	// Whole is what it takes with its indexes and its large values; 0: not known,
	// or on another disk.
	Whole int64 `json:"whole,omitempty"`
}

// String names the table with its size.
func (t Table) String() string {
	if !t.Known {
		return t.Name
	}
	size := "less than 1 MiB"
	if t.Bytes >= 1<<20 {
		size = BytesText(t.Bytes)
	}
	if t.Rows < 0 {
		return fmt.Sprintf("%s (%s)", t.Name, size)
	}
	return fmt.Sprintf("%s (%s, %s)", t.Name, counted(int(t.Rows), "row"), size)
}

// Verdict says whether the version that runs now survives all of them; empty if
// that is not known.
func (j *Judgement) Verdict() string {
	verdict := MigrationsCompatible
	for _, m := range j.Migrations {
		switch {
		case len(m.BreaksOld) > 0:
			return MigrationsBreaking
		case m.Class == ClassUnknown:
			verdict = ""
		}
	}
	return verdict
}

// Names lists the migrations.
func (j *Judgement) Names() []string {
	names := []string{}
	for _, m := range j.Migrations {
		names = append(names, m.Name)
	}
	return names
}

// first is how many of the migrations come before the switch, where the others can
// wait until the new version serves alone: the first of those breaks the version
// that runs now, and the new one does without any of them.
func (j *Judgement) first() (count int, others bool) {
	if !j.Compared || j.ByItself {
		return 0, false // what the new code needs is not known, or nobody asks when to migrate
	}
	count = slices.IndexFunc(j.Migrations, func(m Judged) bool { return len(m.BreaksOld) > 0 })
	if count < 0 {
		return 0, false
	}
	for i, m := range j.Migrations {
		if len(m.Unknown) > 0 || i >= count && len(m.BreaksNew)+len(m.MayNeed) > 0 {
			return 0, false
		}
	}
	return count, true
}

// only is what was found out about some of the migrations.
func (j *Judgement) only(some []Judged) *Judgement {
	part := *j
	part.Migrations = some
	return &part
}

// why is what one of the lists says first, with the name of its migration if
// there are others.
func (j *Judgement) why(list func(Judged) []string) string {
	for _, m := range j.Migrations {
		if said := list(m); len(said) > 0 {
			text := said[0]
			if len(j.Migrations) > 1 {
				text = m.Name + ": " + text
			}
			if more := len(said) - 1; more > 0 {
				text += fmt.Sprintf(", and %d more", more)
			}
			return text
		}
	}
	return ""
}

// Words sums up what they do, for the line of the step.
func (j *Judgement) Words() string {
	all := j.merged()
	words := []string{classWords(all.Class)}
	if len(all.Locks) > 0 {
		words = append(words, fmt.Sprintf("strongest lock: %s on %s", all.Locks[0].Lock, all.Locks[0].Table))
	} else if all.Class != ClassUnknown {
		words = append(words, "no lock on a table that is in use")
	}
	switch {
	case len(all.Rewrites) > 0:
		words = append(words, "rewrites "+tablesText(all.Rewrites))
	case all.Class != ClassUnknown:
		words = append(words, "no rewrite")
	}
	if len(all.Scans) > 0 {
		words = append(words, "reads all of "+tablesText(all.Scans))
	}
	if len(all.Irreversible) > 0 {
		words = append(words, "irreversible")
	}
	return strings.Join(words, ", ")
}

func classWords(class string) string {
	switch {
	case class == ClassUnknown:
		return "not all understood"
	case strings.Contains(class, "b"):
		return "breaks what runs now"
	case class == ClassSafe:
		return "expand only"
	}
	return "what runs now survives it"
}

func tablesText(tables []Table) string {
	var names []string
	for _, t := range tables {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}

// merged is all migrations as one.
func (j *Judgement) merged() Judged {
	var all Judged
	letters := map[rune]bool{}
	for _, m := range j.Migrations {
		if m.Class == ClassUnknown {
			all.Class = ClassUnknown
		}
		for _, letter := range m.Class {
			letters[letter] = true
		}
		all.Irreversible = append(all.Irreversible, m.Irreversible...)
		all.Locks = append(all.Locks, m.Locks...)
		for _, t := range m.Rewrites {
			if !slices.Contains(all.Rewrites, t) {
				all.Rewrites = append(all.Rewrites, t)
			}
		}
		for _, t := range m.Scans {
			if !slices.Contains(all.Scans, t) {
				all.Scans = append(all.Scans, t)
			}
		}
	}
	slices.SortStableFunc(all.Locks, func(a, b TableLock) int { return lockRank(b.Lock) - lockRank(a.Lock) })
	if all.Class == ClassUnknown {
		return all
	}
	for _, letter := range "bcd" {
		if letters[letter] {
			all.Class += string(letter)
		}
	}
	if all.Class == "" {
		all.Class = ClassSafe
	}
	return all
}

// lockNames are the locks of Postgres on tables, weakest first.
var lockNames = []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

func lockRank(lock string) int { return slices.Index(lockNames, lock) }
