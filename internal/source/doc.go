// Package source moves the git checkout that a project lies in, and says which
// revision it is at.
//
// It runs git with arguments, never through a shell, as the owner of the
// checkout. It moves a clean checkout only, and only forward or to a revision
// that was asked for; it must not commit, merge, stash or discard anything.
package source
