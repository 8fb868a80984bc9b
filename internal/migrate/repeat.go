package migrate

import (
	"regexp"
	"slices"
)

// What begins and ends a transaction, and what can be said twice.
var (
	begins     = regexp.MustCompile(`(?is)^\s*(begin|start\s+transaction)\b`)
	ends       = regexp.MustCompile(`(?is)^\s*(commit|end|abort|rollback|prepare\s+transaction)\b`)
	endsAPart  = regexp.MustCompile(`(?is)^\s*rollback\s+((work|transaction)\s+)?to\b`)
	endsWithin = regexp.MustCompile(`(?is);\s*(commit|end|abort|rollback|begin|start\s+transaction)\b`)
	harmless   = regexp.MustCompile(`(?is)^\s*(create\b.*?\bif\s+not\s+exists|drop\b.*?\bif\s+exists)\b`)
)

// severalTransactions marks a text that the server got at once and that ends
// transactions within.
const severalTransactions = -1

// transaction is the number of the transaction that a statement of a process is
// in; 0: one of its own.
func (r *logReader) transaction(pid, sql string) int {
	within := r.open[pid]
	switch {
	case endsWithin.MatchString(sql):
		delete(r.open, pid)
		return severalTransactions
	case begins.MatchString(sql):
		r.transactions++
		r.open[pid] = r.transactions
		return r.transactions
	case ends.MatchString(sql) && !endsAPart.MatchString(sql):
		delete(r.open, pid)
	}
	return within
}

// repeatable tells whether a run of these statements that fails half-way leaves
// nothing, so that the migration can run again: they are one transaction, with the
// record that it ran, or a single statement before that record. What a statement
// outside of a transaction can leave is an invalid index, which is swept.
func repeatable(statements []tracedStatement) bool {
	var acting []tracedStatement
	for _, s := range statements {
		if s.Error != "" || s.Transaction == severalTransactions {
			return false
		}
		if s.Seen && !(s.Transaction == 0 && harmless.MatchString(s.SQL)) || !s.Seen && !hidden.MatchString(s.SQL) {
			acting = append(acting, s)
		}
	}
	if len(acting) == 0 {
		return true
	}
	first := acting[0]
	if first.Transaction != 0 && !slices.ContainsFunc(acting, func(s tracedStatement) bool { return s.Transaction != first.Transaction }) {
		return true
	}
	return !slices.ContainsFunc(acting[1:], func(s tracedStatement) bool { return !records.MatchString(s.SQL) })
}

// readsRows tells whether a statement reads rows that the shadow has not.
func (s sight) readsRows(one tracedStatement) bool {
	if !reads.MatchString(one.SQL) || ofCatalog.MatchString(one.SQL) {
		return false
	}
	for table := range s.first.tables {
		if !isRecord(table) && mentions(one.SQL, table) {
			return true
		}
	}
	return false
}

// withRecord tells whether all that acts or reads rows is in one transaction with
// the record that the migration ran: what depends on rows is then in it too.
func (s sight) withRecord(statements []tracedStatement) bool {
	at := slices.IndexFunc(statements, func(one tracedStatement) bool { return records.MatchString(one.SQL) })
	if at < 0 || statements[at].Transaction <= 0 {
		return false
	}
	return !slices.ContainsFunc(statements, func(one tracedStatement) bool {
		return one.Transaction != statements[at].Transaction && (one.Seen || !hidden.MatchString(one.SQL) || s.readsRows(one))
	})
}
