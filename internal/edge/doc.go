// Package edge is the data plane: it accepts connections, routes each request to a
// target and brings the answer back, and it loses nothing while targets change.
//
// It owns the listening sockets, the routing snapshot, claims, drains, holds, the
// connections to the applications, and the control socket. It must not know containers,
// images or compose files, decide when to switch, or import anything of the module
// beyond its wire types: it serves its last snapshot with nobody talking to it.
package edge
