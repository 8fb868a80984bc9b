// Package update is the heart of Gapless: it decides what an update does and
// carries it out.
//
// It owns the State that was observed, the Plan made of it, the Steps with
// their undo, and the Run that journals every step before it acts. It must
// not know Docker, HTTP, the terminal or the file system: every side effect
// goes through a small interface of ports.go, so that each plan can be run,
// crashed and resumed against a fake world.
package update
