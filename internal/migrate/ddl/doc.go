// Package ddl reads SQL migrations and says what each statement does to an
// application that is running: whether the old code survives it, which locks it
// takes, whether it rewrites or scans a table, whether it can be undone, and how
// to write it more safely.
//
// It owns a tolerant reader of the SQL of Postgres 12 to 19 and of MySQL, and
// the rules. It must not touch the world, and it must not guess: what it does not
// understand is unknown, never safe. A statement alone does not show whether the
// old code uses what it changes, how large a table is, or what a function does.
package ddl
