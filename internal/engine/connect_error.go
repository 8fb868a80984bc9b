package engine

import "fmt"

// Trouble says why an engine cannot be used.
type Trouble string

// The troubles with an engine. Connect reports the first group, RequireLocal
// and RequireUpdatable the second.
const (
	TroubleContext    Trouble = "context"    // the Docker context does not exist or is broken
	TroubleMissing    Trouble = "missing"    // nothing listens: no socket, connection refused
	TroublePermission Trouble = "permission" // the socket must not be opened by this user
	TroubleOld        Trouble = "old"        // its API is older than MinimumAPI
	TroubleSilent     Trouble = "silent"     // it takes the connection and does not answer

	TroubleRemote   Trouble = "remote"   // it runs on another host
	TroubleRootless Trouble = "rootless" // its networks cannot be reached from the host
	TroubleSwarm    Trouble = "swarm"    // it is part of a swarm
)

// MinimumAPI is the oldest API version that is supported, that of Engine 20.10.
const MinimumAPI = "1.41"

// ConnectError says that an engine cannot be used for what was asked.
type ConnectError struct {
	Trouble Trouble
	Host    string // as in DOCKER_HOST
	Version string // API version, with TroubleOld
	Err     error  // what was met, if anything
}

func (e *ConnectError) Error() string {
	switch e.Trouble {
	case TroubleContext:
		return fmt.Sprintf("the Docker context cannot be used: %v", e.Err)
	case TroubleMissing:
		return "no Docker engine answers at " + e.Host
	case TroublePermission:
		return "this user may not open the Docker socket " + e.Host
	case TroubleOld:
		return fmt.Sprintf("the Docker engine at %s speaks API %s, at least %s is needed", e.Host, e.Version, MinimumAPI)
	case TroubleSilent:
		return "the Docker engine at " + e.Host + " takes connections and does not answer"
	case TroubleRemote:
		return "the Docker engine at " + e.Host + " runs on another host"
	case TroubleRootless:
		return "the Docker engine at " + e.Host + " runs rootless"
	case TroubleSwarm:
		return "the Docker engine at " + e.Host + " is part of a swarm"
	}
	return fmt.Sprintf("the Docker engine at %s cannot be used: %v", e.Host, e.Err)
}

// Hint tells what to do about it.
func (e *ConnectError) Hint() string {
	switch e.Trouble {
	case TroubleContext:
		return "see docker context ls, and DOCKER_CONTEXT and DOCKER_HOST in the environment"
	case TroubleMissing:
		if !isLocal(e.Host) {
			return "check the address and that the host can be reached"
		}
		return "start it with: systemctl start docker"
	case TroublePermission:
		return "run as root, or add the user to the group docker and log in again"
	case TroubleOld:
		return "upgrade to Docker Engine 20.10 or newer"
	case TroubleSilent:
		return "see journalctl -u docker; a stopped dockerd goes on after: kill -CONT $(pidof dockerd)"
	case TroubleRemote:
		return "log in there with ssh and run gapless on that host: its lock protects only the host where it runs"
	case TroubleRootless:
		return "the edge cannot reach the networks of a rootless engine; use one that runs as root"
	case TroubleSwarm:
		return "services of a swarm are updated by docker service update; leave the swarm with docker swarm leave to use compose"
	}
	return ""
}

func (e *ConnectError) Unwrap() error { return e.Err }
