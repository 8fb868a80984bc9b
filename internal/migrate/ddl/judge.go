package ddl

import (
	"fmt"
	"slices"
	"strings"
)

// Input is one text, and what to call it.
type Input struct {
	Name string
	Text string
}

// Judge says what the statements do. Each input stands for itself: what another
// one made is taken for something that the old code knows.
func Judge(target Target, inputs ...Input) Report {
	report := Report{Statements: []Statement{}, Notes: []Note{}}
	for _, input := range inputs {
		j := newJudge(target, input)
		j.all()
		report.Statements = append(report.Statements, j.report.Statements...)
		for _, note := range j.report.Notes {
			note.File = input.Name
			report.Notes = append(report.Notes, note)
		}
	}
	return report
}

// judge works through one input.
type judge struct {
	target  Target
	input   Input
	known   *knowledge
	report  Report
	within  bool        // a transaction that the file opens
	open    int         // the line of its BEGIN
	wrapped bool        // whoever runs the file may do so in one transaction
	held    heldLock    // the strongest, until the end of the transaction
	several bool        // that there is another one was said
	timeout lockTimeout // what SET lock_timeout said
	noted   bool        // that there is no lock_timeout
	trust   bool        // what was made in the file really was
	at      int         // the line of the statement
}

// heldLock is a lock on a table that was there before.
type heldLock struct {
	TableLock
	line int
}

type lockTimeout uint8

const (
	noTimeout lockTimeout = iota
	sessionTimeout
	localTimeout // until the end of the transaction
)

func newJudge(target Target, input Input) *judge {
	return &judge{target: target, input: input, known: newKnowledge()}
}

func (j *judge) all() {
	splitter := newSplitter(j.input.Text, j.target.MySQL)
	statements := splitter.all()
	j.report.Notes = splitter.notes
	j.wrapped = !j.target.MySQL && !splitter.noTx && !slices.ContainsFunc(statements, cannotBeWrapped)
	j.trust = !slices.ContainsFunc(statements, func(s statement) bool { return s.within })
	for _, s := range statements {
		j.statement(s)
	}
	if j.within {
		j.note(j.open, "the transaction that begins here does not end in this file")
	}
}

// cannotBeWrapped tells the statements by which one sees that the file is not run
// in one transaction.
func cannotBeWrapped(s statement) bool {
	c := &cursor{tokens: s.tokens}
	if c.is("begin") || c.is("start", "transaction") || c.is("vacuum") {
		return true
	}
	return c.any("create", "drop", "reindex", "alter", "repack") != "" && hasWord(c.rest(), "concurrently")
}

func (j *judge) note(line int, format string, args ...any) {
	j.report.Notes = append(j.report.Notes, Note{Line: line, Text: fmt.Sprintf(format, args...)})
}

// statement judges one statement and goes on from what it did.
func (j *judge) statement(s statement) {
	if !j.trust {
		j.known = newKnowledge()
	}
	j.at = s.line
	one := Statement{File: j.input.Name, Line: s.line, SQL: textOf(j.input.Text, s.tokens)}
	switch {
	case s.code != "":
		one.SQL = cutTo(s.code, longestText)
		one.Finding = opaque("the migration runs code here that is no SQL").instead("read that code: what it writes, and for how long")
	case s.broken != "":
		one.Finding = opaque(s.broken)
		j.known = newKnowledge()
	case s.meta && strings.HasPrefix(s.tokens[0].text, "c") && !strings.HasPrefix(s.tokens[0].text, "copy"):
		one.Finding = does(Safe, "another connection")
		j.known = newKnowledge()
	case s.meta:
		one.Finding = opaque("psql runs it; what it runs is not in this file")
		j.known = newKnowledge()
	case j.target.MySQL:
		one.Finding, one.Actions = j.mysql(&cursor{tokens: s.tokens})
	default:
		one.Finding, one.Actions = j.postgres(&cursor{tokens: s.tokens})
	}
	j.inTransaction(&one)
	if one.Locks == nil {
		one.Locks = []TableLock{}
	}
	if len(one.Actions) < 2 {
		one.Actions = nil
	}
	j.report.Statements = append(j.report.Statements, one)
}

// inTransaction judges the statement beside the others of its transaction.
func (j *judge) inTransaction(one *Statement) {
	if one.Transaction == Forbidden && j.within {
		one.Finding = fails(fmt.Sprintf("it cannot run in a transaction, and line %d begins one", j.open), "put it into a migration of its own, without BEGIN").
			withLocks(one.Finding)
		one.Transaction = Forbidden
		return
	}
	if j.target.MySQL {
		return
	}
	if one.long && !one.Fails {
		j.behind(one)
	}
	for _, lock := range one.Locks {
		if lock.Lock.stops() && !j.known.ours(lock.Table) {
			j.hold(lock, one.Line)
		}
	}
}

func (f Finding) withLocks(of Finding) Finding {
	f.Lock, f.Locks = of.Lock, of.Locks
	return f
}

// behind says which lock is held while a long statement runs.
func (j *judge) behind(one *Statement) {
	if !j.within && !j.wrapped || j.held.Lock == NoLock {
		return
	}
	if one.Class&Slow == 0 {
		one.Safer = "put it into a transaction, and a migration, of its own"
	}
	one.Class |= Slow
	held := fmt.Sprintf("%s on %s, taken in line %d, is held meanwhile", j.held.Lock, j.held.Table, j.held.line)
	if !j.within {
		held += " if the file is run in one transaction"
	}
	one.because(held)
}

// hold notes a lock that others wait for.
func (j *judge) hold(lock TableLock, line int) {
	if j.timeout == noTimeout && !j.noted {
		j.noted = true
		j.note(line, "no lock_timeout is set: while this waits for its lock on %s, everybody else who wants the table waits behind it; begin with SET lock_timeout = '500ms' and try again when it fails", lock.Table)
	}
	if !j.within && !j.wrapped {
		return
	}
	if j.within && j.held.Lock != NoLock && j.held.Table != lock.Table && !j.several {
		j.several = true
		j.note(line, "the locks on %s and %s are held together until COMMIT; one table in each transaction lets others through sooner", j.held.Table, lock.Table)
	}
	if lock.Lock > j.held.Lock {
		j.held = heldLock{lock, line}
	}
}

// end forgets what lasts as long as a transaction.
func (j *judge) end() {
	j.within, j.several, j.held = false, false, heldLock{}
	if j.timeout == localTimeout {
		j.timeout = noTimeout
	}
}

// begin notes the begin of a transaction.
func (j *judge) begin() {
	if j.within {
		j.note(j.line(), "BEGIN within the transaction of line %d does nothing", j.open)
		return
	}
	j.within, j.several, j.held = true, false, heldLock{}
	j.open = j.line()
}

// line is about where the judge is.
func (j *judge) line() int { return j.at }

// transaction judges BEGIN, COMMIT and the like; ok is false for anything else.
func (j *judge) transaction(c *cursor) (Finding, bool) {
	plain := does(Safe, "controls the transaction")
	switch {
	case c.accept("start", "transaction"), c.accept("begin"):
		j.begin()
	case c.accept("commit", "prepared"), c.accept("prepare", "transaction"):
		return opaque("the locks outlive this file"), true
	case c.accept("commit"), c.accept("end"):
		chain := hasWord(c.rest(), "chain") && !hasWord(c.rest(), "no")
		j.end()
		if chain {
			j.begin()
		}
	case c.is("rollback"), c.is("abort"):
		// What was made is gone again.
		savepoint := hasWord(c.rest(), "to")
		chain := hasWord(c.rest(), "chain") && !hasWord(c.rest(), "no")
		j.known = newKnowledge()
		c.next()
		if !savepoint {
			j.end()
		}
		if chain {
			j.begin()
		}
	case c.accept("savepoint"), c.accept("release"):
	default:
		return Finding{}, false
	}
	// BEGIN ISOLATION LEVEL SERIALIZABLE; anything but words is something else.
	for _, t := range c.rest() {
		if t.kind != kindWord && t.kind != kindQuoted && !t.isSymbol(",") || slices.Contains(statementWords, t.text) {
			return opaque("not a statement that ends the way it begins"), true
		}
	}
	return plain, true
}

// statementWords begin statements; within another one they tell of a semicolon
// that is missing.
var statementWords = strings.Fields("alter create drop truncate insert update delete grant revoke")
