// Package stack brings up the stack that the audience of Gapless runs (nginx,
// Django under gunicorn, a Celery worker, Celery beat, Postgres, Redis) with
// real parts, for scenarios and benchmarks.
//
// It owns a deployment from its checkout to its removal, the traffic that fits
// the application, and the account of what was lost in the end. project/ is
// the repository of the application, changes/ is what its developers do to it,
// and stack.sh does the same for a shell. It must not know how an update is
// brought about.
package stack
