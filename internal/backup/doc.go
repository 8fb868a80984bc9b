// Package backup makes backups of a Postgres that are proven: each one was
// read to its end, restored into a throwaway server, and compared with what the
// database held at the moment of the dump. Only then it has a name.
//
// It owns the dump, the proof, the restore, the manifest, encryption, retention
// and the directory that backups lie in. Everything in a database is done by the
// own tools of the database's image, in containers that Engine runs. It must not
// link Docker code, decide when an update needs a backup, or talk to a terminal.
package backup
