package archive

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Types of entries.
const (
	File      = 'f'
	Directory = 'd'
	Link      = 'l' // symbolic
	Same      = 'h' // another name of a file that came before
)

// Entry is one name in a volume.
type Entry struct {
	Path       string // below the volume; "." is the volume itself
	Type       byte
	Mode       uint32 // permission bits with setuid, setgid and sticky
	UID, GID   int
	Modified   int64 // nanoseconds since 1970
	Size       int64
	Target     string // of both kinds of links
	SHA256     string // of a file, once it was read
	Attributes map[string]string
	Linked     bool // the file has other names too; in no line
}

// Line is the entry in a list. Two that are alike in all that is kept have the
// same line.
func (e Entry) Line() string {
	var attributes strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		fmt.Fprintf(&attributes, " %q=%q", name, e.Attributes[name])
	}
	return fmt.Sprintf("%q %c %04o %d:%d %d %d %q %s%s", e.Path, e.Type, e.Mode, e.UID, e.GID, e.Modified, e.Size, e.Target, e.SHA256, attributes.String())
}

// PathOf reads the path out of a line.
func PathOf(line string) string {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return ""
	}
	name, _ := strconv.Unquote(quoted)
	return name
}

// BadError says what is wrong with an archive, or with something that shall get
// into one.
type BadError struct {
	Path    string // empty: the archive as a whole
	Problem string
	Instead string // what to do about it; empty: use another archive
}

func (e *BadError) Error() string {
	if e.Path == "" {
		return "the archive " + e.Problem
	}
	return fmt.Sprintf("%.200q %s", e.Path, e.Problem)
}

// Hint tells what to do about it.
func (e *BadError) Hint() string { return e.Instead }

// The longest names that a file system takes.
const (
	longestName = 255
	longestPath = 4000
)

// The names of what a restore has at the top of a volume.
const (
	StagingPrefix = ".gapless-restore-"
	AsidePrefix   = ".gapless-before-"
)

// isOurs tells what belongs to a restore, and to no backup.
func isOurs(name string) bool {
	return strings.HasPrefix(name, StagingPrefix) || strings.HasPrefix(name, AsidePrefix)
}

// check refuses what must not be in an archive, also in one that somebody has
// made to do harm.
func (e Entry) check() error {
	bad := func(problem string) error { return &BadError{Path: e.Path, Problem: problem} }
	switch {
	case e.Path == "" || strings.HasPrefix(e.Path, "/") || path.Clean(e.Path) != e.Path || e.Path == ".." || strings.HasPrefix(e.Path, "../"):
		return bad("leads out of the volume")
	case strings.ContainsRune(e.Path, 0) || strings.ContainsRune(e.Target, 0):
		return bad("has a name that no file can have")
	case len(e.Path) > longestPath || len(e.Target) > longestPath || slices.ContainsFunc(strings.Split(e.Path, "/"), func(part string) bool { return len(part) > longestName }):
		return bad("has a name that is too long")
	case e.Type != Directory && e.Path == ".":
		return bad("is no directory")
	case isOurs(e.Path):
		return bad("has a name that only a restore gives")
	case e.Type == Link && strings.HasPrefix(e.Target, "/"):
		return &BadError{e.Path, "is a symbolic link to an absolute path, which is another one in every container", "make it a relative link, or remove it"}
	case e.Type == Link && e.Target == "":
		return bad("is a symbolic link to nothing")
	case e.Type == Same && (e.Target == "." || Entry{Path: e.Target, Type: File}.check() != nil):
		return bad("is a link to a file outside of the volume")
	case e.Size < 0:
		return bad("has no size")
	}
	return nil
}
