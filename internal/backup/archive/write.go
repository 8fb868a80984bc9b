package archive

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Records of the archive's own, which other programs that read tars pass over.
const (
	voidRecord      = "GAPLESS.void"   // the entry before was changed while it was read
	endRecord       = "GAPLESS.end"    // how many entries there are: a tar that is cut off between two looks whole
	linkedRecord    = "GAPLESS.linked" // other names of the file follow, or are elsewhere
	attributeRecord = "SCHILY.xattr."
)

// How often a file is read that changes meanwhile, and the first pause between
// two readings, which doubles.
const (
	attempts   = 6
	firstPause = 50 * time.Millisecond
)

// tick is the grain of the times of files: one that was changed this moment may
// change again without a trace.
const tick = 20 * time.Millisecond

// ChangedError says that a file is never still.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%.200q changes all the time while it is read: what is kept of it would be torn", e.Path)
}

// Hint tells what to do about it.
func (e *ChangedError) Hint() string {
	return "stop the service that writes it (docker compose stop), make the backup, and start it again"
}

// writer is an archive that is being made.
type writer struct {
	tar   *tar.Writer
	count int
	torn  func() // between two looks at a file, in tests
}

// Write archives a directory. Each file is as it was at one moment, or it is read
// again.
func Write(to io.Writer, root string, passed func(path, why string)) error {
	buffer := bufio.NewWriterSize(to, 256<<10)
	w := &writer{tar: tar.NewWriter(buffer), torn: func() {}}
	if err := w.write(root, passed); err != nil {
		return err
	}
	return buffer.Flush()
}

func (w *writer) write(root string, passed func(path, why string)) error {
	walk := &walker{passed: passed, visit: func(e Entry, file *os.File) error {
		if e.Type == File {
			return w.file(e, file)
		}
		return w.header(e)
	}}
	if err := walk.walk(root); err != nil {
		return err
	}
	return w.end()
}

func (w *writer) end() error {
	if err := w.record(endRecord, strconv.Itoa(w.count)); err != nil {
		return err
	}
	return w.tar.Close()
}

func (w *writer) record(name, value string) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "gapless", PAXRecords: map[string]string{name: value}})
}

func (w *writer) header(e Entry) error {
	w.count++
	h := &tar.Header{Format: tar.FormatPAX, Name: e.Path, Mode: int64(e.Mode), Uid: e.UID, Gid: e.GID, ModTime: time.Unix(0, e.Modified), Size: e.Size, Linkname: e.Target}
	switch e.Type {
	case File:
		h.Typeflag = tar.TypeReg
	case Directory:
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
	case Link:
		h.Typeflag = tar.TypeSymlink
	case Same:
		h.Typeflag = tar.TypeLink
	}
	records := map[string]string{}
	for name, value := range e.Attributes {
		records[attributeRecord+name] = value
	}
	if e.Linked {
		records[linkedRecord] = "1"
	}
	if len(records) > 0 {
		h.PAXRecords = records
	}
	return w.tar.WriteHeader(h)
}

// file writes a file, again and again until nobody changed it meanwhile.
func (w *writer) file(e Entry, file *os.File) error {
	pause := firstPause
	for range attempts {
		still, err := w.once(&e, file)
		if err != nil || still {
			return err
		}
		if err := w.record(voidRecord, strconv.Quote(e.Path)); err != nil {
			return err
		}
		w.count--
		time.Sleep(pause)
		pause *= 2
	}
	return &ChangedError{Path: e.Path}
}

// once writes a file as it is now, and tells whether it stood still.
func (w *writer) once(e *Entry, file *os.File) (still bool, err error) {
	var before, after unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &before); err != nil {
		return false, err
	}
	if age := time.Since(time.Unix(before.Mtim.Unix())); age >= 0 && age < tick {
		time.Sleep(tick)
		if err := unix.Fstat(int(file.Fd()), &before); err != nil {
			return false, err
		}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	e.Size, e.Modified, e.Mode, e.UID, e.GID = before.Size, before.Mtim.Nano(), before.Mode&0o7777, int(before.Uid), int(before.Gid)
	if err := w.header(*e); err != nil {
		return false, err
	}
	read, err := io.Copy(w.tar, io.LimitReader(file, e.Size))
	if err != nil {
		return false, fmt.Errorf("%q: %w", e.Path, err)
	}
	if _, err := io.CopyN(w.tar, zeros{}, e.Size-read); err != nil {
		return false, err
	}
	w.torn()
	if err := unix.Fstat(int(file.Fd()), &after); err != nil {
		return false, err
	}
	return read == e.Size && before.Size == after.Size && before.Mtim == after.Mtim && before.Ctim == after.Ctim, nil
}

// zeros fills up what a file has lost.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
