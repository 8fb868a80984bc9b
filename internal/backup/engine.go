package backup

import (
	"context"
	"io"
	"time"

	"gapless/internal/update"
)

// Engine is what a backup needs of Docker.
type Engine interface {
	// Run runs a program in a container of its own, to its end, and removes the
	// container. Anything but code 0 is an error with what the program said.
	Run(ctx context.Context, command Command) error
	// Fence leaves no container of the run under these names, also none that
	// was asked for by a process that is dead.
	Fence(ctx context.Context, run string, names []string) error
	// Sweep removes all containers that Run has left for the project.
	Sweep(ctx context.Context) error
	// Room is how much memory and disk a throwaway server may count on, in bytes;
	// 0 if it is not known.
	Room(ctx context.Context) (memory, disk int64)
	// HasImage tells whether an image is there.
	HasImage(ctx context.Context, imageID string) (bool, error)
	// DataRoom is how much is free where a server keeps its data, in bytes; 0 if
	// it is not known.
	DataRoom(ctx context.Context, server Server, directory string) int64
}

// Command is one program in a container.
type Command struct {
	Name    string // of the container
	Run     string
	ImageID string
	Argv    []string
	User    string // empty: root
	Env     []string
	Join    string            // ID of the container whose network it shares; empty: none
	Files   map[string][]byte // by path, for root alone
	// ScratchBytes makes /tmp a file system in memory of that size.
	ScratchBytes int64
	MemoryBytes  int64 // limit; 0: none
	// Light lets everything else go before it: a proof has time, a dump that
	// somebody waits for has not.
	Light  bool
	Mounts []Mount
	// Files of any owner can be read and written, and given to any owner.
	AllFiles bool
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
}

// Place is a directory that containers have mounted.
type Place struct {
	Volume    string `json:"volume,omitempty"`    // name that the engine has for it
	Source    string `json:"source,omitempty"`    // or a directory of the host
	Directory string `json:"directory,omitempty"` // below it; empty: all of it
}

// Mount gives a place to a container.
type Mount struct {
	Place    // neither volume nor source: an empty volume that goes with the container
	Target   string
	ReadOnly bool
}

// User is a container that has a place mounted.
type User struct {
	Name    string    `json:"name"`
	Service string    `json:"service"` // empty: it is not of this project
	Restart string    `json:"restart"` // policy
	Running bool      `json:"-"`
	Started time.Time `json:"-"`
	Target  string    `json:"-"` // directory that it sees the place at
	// Writable says that it can change what is there.
	Writable bool `json:"-"`
}

// Keeper knows and stops the containers that use a place.
type Keeper interface {
	// Users lists the containers that have the place mounted, running or not.
	Users(ctx context.Context, place Place) ([]User, error)
	// Exists tells whether the place is there. Nobody makes it by looking.
	Exists(ctx context.Context, place Place) (bool, error)
	// Stop stops a container that nothing but Start is to start again.
	Stop(ctx context.Context, user User) error
	// Start starts it with the restart policy that it had. One that is gone is
	// update.ErrNoContainer.
	Start(ctx context.Context, user User) error
	// PlaceOf is what a container has mounted where a directory lies; false if that
	// is in the container itself.
	PlaceOf(ctx context.Context, containerID, directory string) (Place, bool, error)
}

// Server is a database server that runs, and how to get into it.
type Server struct {
	update.PostgresServer
	Password string // of its administrator; empty: none is needed
}
