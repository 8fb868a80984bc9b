package change

import "github.com/compose-spec/compose-go/v2/types"

// Running is a container as far as a comparison needs it. What is empty or nil
// is not known.
type Running struct {
	Name       string
	Image      string // reference
	ImageID    string
	ConfigHash string
	Up         bool
	ExitCode   int

	Source *Source              // that its image was built from
	BaseID string               // image that its image was built upon
	Config *types.ServiceConfig // that it was made with
	// Mounts are the digests of the files and directories that are mounted from
	// the host, by target, as they were when it read them. Stale are the targets
	// at which it has another file than the host, because a mounted file was
	// replaced and not written to.
	Mounts map[string]string
	Stale  []string
	// Injected are the targets of what was copied into it when it was made.
	Injected []string
}

// Wanted is what a service should run.
type Wanted struct {
	Image      string // reference
	ImageID    string // empty if the image is not on this host
	ConfigHash string
	Source     *Source           // to build from; nil for a service without build:
	BaseID     string            // image to build upon; empty if it is not on this host
	Mounts     map[string]string // digests by target, as the host has them now
}
