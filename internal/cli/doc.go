// Package cli is the command line: one file per command, the wiring of the
// parts, and the exit codes.
//
// It must not decide anything about an update: it reads flags, hands them to
// the packages that know, and says what they found.
package cli
