// Package ui shows what an update does: as a live checklist on a terminal, as
// plain lines, as JSON, or hardly at all.
//
// It owns how events, figures and failures read, and that no control
// character and no secret gets to the reader. It must not decide anything,
// change an event, or make the update wait for a slow reader.
package ui
