package cli

import (
	"errors"
	"fmt"
)

// The exit codes. They are a stable interface.
const (
	exitDone        = 0
	exitError       = 1   // error, nothing changed; usage error
	exitChanges     = 2   // plan --detailed-exitcode: there are changes
	exitRolledBack  = 10  // failed, the old release is back and verified
	exitUndoFailed  = 11  // failed, and the rollback failed
	exitLocked      = 12  // another update runs
	exitRefused     = 13  // refused by a check before anything was touched
	exitHeld        = 15  // needs a human; what serves is stated
	exitInterrupted = 130 // stopped by the user, safe
)

// exitStatus is an error that carries an exit code and what to do next.
type exitStatus struct {
	code   int
	err    error  // nil: everything was said already
	hint   string // one line
	silent bool
}

func (e *exitStatus) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitStatus) Unwrap() error { return e.err }

// refuse makes an error of a check that failed before anything was touched.
func refuse(err error, hint string) error {
	return &exitStatus{code: exitRefused, err: err, hint: hint}
}

// said is an exit code whose reason is on the screen already.
func said(code int) error { return &exitStatus{code: code, silent: true} }

// hinted is implemented by errors of other packages that know what to do.
type hinted interface{ Hint() string }

// codeAndHint finds the exit code and the hint of an error.
func codeAndHint(err error) (code int, hint string) {
	code = exitError
	var e *exitStatus
	if errors.As(err, &e) {
		code, hint = e.code, e.hint
	}
	if hint != "" {
		return code, hint
	}
	var h hinted
	if errors.As(err, &h) {
		hint = h.Hint()
	}
	return code, hint
}
