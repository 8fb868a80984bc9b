package engine

import (
	"fmt"
	"runtime/debug"
	"strconv"

	"gapless/internal/update"
)

// The labels that Gapless writes on containers. They cannot be changed after
// the creation: they are evidence of whose a container is, never state.
const (
	LabelRun     = "gapless.run"     // the update that made it
	LabelRelease = "gapless.release" // number of the release that it belongs to
	LabelTool    = "gapless.tool"    // name and version of the program
	LabelProject = "gapless.project" // that an attached container works for
	LabelRole    = "gapless.role"    // one of those below; none on a container of a service
	LabelSpec    = "gapless.spec"    // hash of the specification of a host container
	LabelBeside  = "gapless.beside"  // directory in which it has a volume of its own
	LabelInstead = "gapless.instead" // what its service has mounted there, as a place
	LabelTrial   = "gapless.trial"   // project of the trial that it is of
)

// The values of LabelRole.
const (
	RoleTombstone = "tombstone" // holds a name for a moment, never started
	RoleHost      = "host"      // serves all projects of the host, as the edge does
	RoleHelper    = "helper"    // runs this program on the files of a service
	RoleBackup    = "backup"    // runs a tool of a database, or a copy of its server
	RoleShadow    = "shadow"    // an empty database server for a trial
)

// ownLabels are those of a container that an update makes.
func ownLabels(spec update.CreateSpec) map[string]string {
	return map[string]string{
		LabelRun:     spec.Run,
		LabelRelease: strconv.Itoa(spec.Release),
		LabelTool:    toolName(),
	}
}

// toolName is the program with the version that it was built as.
func toolName() string {
	version := "(devel)"
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		version = build.Main.Version
	}
	return "gapless " + version
}

// ForeignContainerError says that a name is taken by a container that is not
// of this update and therefore is not touched.
type ForeignContainerError struct {
	Name   string
	ID     string
	Origin string // in words: who made it
}

func (e *ForeignContainerError) Error() string {
	return fmt.Sprintf("the name %s is taken by container %.12s, which %s made", e.Name, e.ID, e.Origin)
}

// Hint tells what to do about it.
func (e *ForeignContainerError) Hint() string {
	return fmt.Sprintf("look at it with docker inspect %.12s and rename or remove it if it is not needed", e.ID)
}

// origin says in words who made a container, from its labels.
func origin(labels map[string]string) string {
	switch {
	case labels[LabelRun] != "":
		return "update " + labels[LabelRun]
	case labels[labelProject] != "":
		return "docker compose of project " + labels[labelProject]
	}
	return "somebody else"
}
