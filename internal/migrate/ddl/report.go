package ddl

import "slices"

// Report is what is said about the files.
type Report struct {
	Statements []Statement `json:"statements"`
	Notes      []Note      `json:"notes"`
}

// Safe tells whether every statement is of class a.
func (r Report) Safe() bool {
	return !slices.ContainsFunc(r.Statements, func(s Statement) bool { return s.Class != Safe })
}

// Note is said about a file rather than about a statement.
type Note struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Statement is the verdict on one statement.
type Statement struct {
	File string `json:"file"`
	Line int    `json:"line"`
	SQL  string `json:"sql"` // shortened, without comments and passwords
	Finding
	// Actions are the parts of an ALTER TABLE that does several things.
	Actions []Action `json:"actions,omitempty"`
}

// Action is the verdict on one part of a statement.
type Action struct {
	SQL string `json:"sql"`
	Finding
}

// Finding is what a statement does.
type Finding struct {
	Class      Class       `json:"class"`
	Lock       Lock        `json:"lock"` // the strongest
	Locks      []TableLock `json:"locks"`
	Rewrite    Answer      `json:"rewrite"` // of a whole table
	Scan       Answer      `json:"scan"`    // of a whole table, or the build of an index
	Reversible Answer      `json:"reversible"`
	// Transaction says whether it can be in one.
	Transaction Transaction `json:"transaction"`
	// Fails is set if the server refuses the statement.
	Fails bool   `json:"fails"`
	Why   string `json:"why"`
	Safer string `json:"safer"` // empty: there is nothing better to write
	// Algorithm is that of MySQL: INSTANT, INPLACE or COPY.
	Algorithm string `json:"algorithm,omitempty"`

	long bool // takes time that a lock would be held for
}

// Transaction says how a statement goes with a transaction.
type Transaction string

// The ways.
const (
	Allowed   Transaction = "allowed"
	Forbidden Transaction = "forbidden" // fails within one
	Commits   Transaction = "commits"   // ends the one that is open, as DDL does in MySQL
	Either    Transaction = "unknown"
)

// opaque is the finding for what is not understood.
func opaque(why string) Finding {
	return Finding{Class: Opaque, Lock: UnknownLock, Rewrite: Unknown, Scan: Unknown, Reversible: Unknown, Transaction: Either, Why: why,
		Safer: "read it, and try it on a copy of the database"}
}

// fails is the finding for what the server refuses.
func fails(why, safer string) Finding {
	return Finding{Class: Slow, Fails: true, Reversible: Yes, Transaction: Allowed, Why: "fails: " + why, Safer: safer}
}

// on adds a lock.
func (f Finding) on(table string, lock Lock) Finding {
	f.Locks = append(slices.Clone(f.Locks), TableLock{table, lock})
	f.Lock = max(f.Lock, lock)
	return f
}

// add merges the finding of another part of the same statement.
func (f *Finding) add(other Finding) {
	f.Class |= other.Class
	f.Lock = max(f.Lock, other.Lock)
	for _, lock := range other.Locks {
		f.addLock(lock)
	}
	f.Rewrite = f.Rewrite.or(other.Rewrite)
	f.Scan = f.Scan.or(other.Scan)
	f.Reversible = f.Reversible.and(other.Reversible)
	f.Fails = f.Fails || other.Fails
	f.long = f.long || other.long
	if other.Transaction != Allowed {
		f.Transaction = other.Transaction
	}
}

func (f *Finding) addLock(lock TableLock) {
	for i := range f.Locks {
		if f.Locks[i].Table == lock.Table {
			f.Locks[i].Lock = max(f.Locks[i].Lock, lock.Lock)
			return
		}
	}
	f.Locks = append(f.Locks, lock)
}

// because adds to the reason.
func (f *Finding) because(why string) {
	if f.Why != "" {
		f.Why += "; "
	}
	f.Why += why
}

// does is a finding for what the server carries out, can be undone, and may be in
// a transaction.
func does(class Class, why string) Finding {
	return Finding{Class: class, Reversible: Yes, Transaction: Allowed, Why: why}
}

// instead adds the safer way.
func (f Finding) instead(safer string) Finding {
	f.Safer = safer
	return f
}

func (f Finding) scans() Finding {
	f.Scan, f.long = Yes, true
	return f
}

func (f Finding) rewrites() Finding {
	f.Rewrite, f.long = Yes, true
	return f
}

func (f Finding) forGood() Finding {
	f.Reversible = No
	return f
}

func (f Finding) alone() Finding {
	f.Transaction = Forbidden
	return f
}
