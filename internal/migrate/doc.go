// Package migrate finds out what the migrations of a new version do, before they
// touch anything: which ones are due, whether the code that runs now survives
// them, whether the new code needs them, which locks they take, what they rewrite
// and read, and whether there is a way back.
//
// It runs them in a shadow: a second, empty server of the same image with the
// schema of the real one, in a network without a way out, where the new image
// finds it under the name of the real one. Event triggers and the log of the shadow
// tell what happened. Where that is not possible, it reads the statements.
//
// It decides nothing about an update, and knows Docker only as a Laboratory.
package migrate
