// Package health finds out whether a container can be let to the users, and
// whether the users noticed an update.
//
// It owns the gate, which looks at one new container until it is healthy or
// has failed, and the monitor, which asks the public address of a service all
// the time. It must not change anything, follow a redirect, or know Docker
// and the edge: both are handed in as small interfaces.
package health
