// Package archive puts the files of a volume into a tar and brings them back: with
// owners, modes, times, links and attributes, in one order that never changes, so
// that two lists of the same files are the same text.
//
// It owns the archive, its checks, and how restored files take the place of those
// that are there. It runs in helpers, on a volume, and reads archives anywhere. It
// must not know containers, backups or terminals.
package archive
