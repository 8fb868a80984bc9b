package archive

import (
	"archive/tar"
	"bufio"
	"io"
	"os"
	"strings"
	"time"
)

// Held counts what a directory holds, and the bytes of its files. What a restore
// has put aside does not count.
func Held(root string) (entries, bytes int64, err error) {
	w := &walker{visit: func(e Entry, _ *os.File) error {
		entries, bytes = entries+1, bytes+e.Size
		return nil
	}}
	err = w.walk(root)
	return entries - 1, bytes, err
}

// Part is a file that is put into an archive without being on a disk.
type Part struct {
	Path    string // a directory ends in a slash
	Content func(to io.Writer) error
	Size    int64
	Target  string // other name of an earlier part; empty: it has a content of its own
}

// Pack writes an archive of parts, in the order of their names, with the given
// owner.
func Pack(to io.Writer, parts []Part, uid, gid int) error {
	buffer := bufio.NewWriterSize(to, 256<<10)
	w := &writer{tar: tar.NewWriter(buffer)}
	now := time.Now().UnixNano()
	err := w.header(Entry{Path: ".", Type: Directory, Mode: 0o755, UID: uid, GID: gid, Modified: now})
	for _, part := range parts {
		if err == nil {
			err = w.part(part, Entry{Path: strings.TrimSuffix(part.Path, "/"), Mode: 0o644, UID: uid, GID: gid, Modified: now})
		}
	}
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return err
	}
	return buffer.Flush()
}

func (w *writer) part(part Part, e Entry) error {
	switch {
	case part.Target != "":
		return w.header(Entry{Path: e.Path, Type: Same, Target: part.Target})
	case part.Content == nil:
		e.Type, e.Mode = Directory, 0o755
		return w.header(e)
	}
	e.Type, e.Size, e.Linked = File, part.Size, true
	if err := w.header(e); err != nil {
		return err
	}
	return part.Content(w.tar)
}
