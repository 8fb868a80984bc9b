// Package backup makes backups of a Postgres, a Redis or a volume that are proven:
// each one was read to its end, restored where nothing else is, and compared with
// what was there at the moment of the dump. Only then it has a name.
//
// It owns the dump, the proof, the restore, the manifest, encryption, retention
// and the directory that backups lie in; Kind is where the sorts of data differ.
// Everything in a database is done by the own tools of the database's image, on
// the files of a volume by this program, in containers that Engine runs. It must not
// link Docker code, decide when an update needs a backup, or talk to a terminal.
package backup
