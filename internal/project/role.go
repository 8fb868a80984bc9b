package project

// Role says how a service behaves during an update.
type Role string

// The roles.
const (
	RoleWeb       Role = "web"       // behind a route
	RoleWorker    Role = "worker"    // takes jobs, no requests
	RoleScheduler Role = "scheduler" // never two at once
	RoleJob       Role = "job"       // runs to completion
	RoleStateful  Role = "stateful"  // a database: never rolled
	RoleFront     Role = "front"     // an existing reverse proxy
)

// Roles lists every role, in the order in which they are documented.
var Roles = []Role{RoleWeb, RoleWorker, RoleScheduler, RoleJob, RoleStateful, RoleFront}
