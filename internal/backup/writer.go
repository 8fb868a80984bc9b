package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"filippo.io/age"
	"golang.org/x/sys/unix"
)

// writeBuffer is what is kept of a dump in memory on its way to the disk.
const writeBuffer = 256 << 10

// dumpWriter writes a dump to a file and sums it up on the way, as it is and as
// it is stored.
type dumpWriter struct {
	file   *os.File
	buffer *bufio.Writer
	sealed io.WriteCloser // nil: not encrypted
	plain  hash.Hash
	stored hash.Hash
	count  atomic.Int64 // bytes of the dump itself
	room   *roomWriter
}

// createDump makes the file. It must not be there.
func createDump(path string, seal *seal) (*dumpWriter, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &dumpWriter{file: file, plain: sha256.New(), stored: sha256.New(), room: &roomWriter{file: file}}
	w.buffer = bufio.NewWriterSize(io.MultiWriter(w.stored, w.room), writeBuffer)
	if seal == nil {
		return w, nil
	}
	if w.sealed, err = age.Encrypt(w.buffer, seal.recipients...); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// Write implements io.Writer.
func (w *dumpWriter) Write(p []byte) (int, error) {
	w.count.Add(int64(len(p)))
	w.plain.Write(p)
	if w.sealed != nil {
		return w.sealed.Write(p)
	}
	return w.buffer.Write(p)
}

// finish brings everything to the disk. A sync that failed is not repeated: what
// it was about may be gone.
func (w *dumpWriter) finish() (stored, plain sum, err error) {
	if w.sealed != nil {
		err = w.sealed.Close()
	}
	if err == nil {
		err = w.buffer.Flush()
	}
	if err == nil {
		err = w.file.Sync()
	}
	err = errors.Join(err, w.file.Close())
	return sum{w.room.written, hex.EncodeToString(w.stored.Sum(nil))}, sum{w.count.Load(), hex.EncodeToString(w.plain.Sum(nil))}, err
}

// sum identifies the content of a file.
type sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// The room that a backup leaves to everything else on its disk.
const (
	reserveBytes = 256 << 20
	reserveShare = 20 // or this part of the disk, if that is less
	reserveEvery = 32 << 20
)

// FullError says that a backup stopped before it had filled the disk.
type FullError struct {
	Directory string
	Free      int64
	Err       error
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the disk of %s is full: %d MiB are left, which other programs need", e.Directory, e.Free>>20)
}

// Unwrap gives what the system said.
func (e *FullError) Unwrap() error { return e.Err }

// Hint tells what to do about it.
func (e *FullError) Hint() string {
	return "free space there, let gapless backup prune remove old backups, or set x-gapless.backup.directory to another disk"
}

// roomWriter stops while the disk has some room left.
type roomWriter struct {
	file    *os.File
	written int64
	looked  int64 // written at the last look
}

// Write implements io.Writer.
func (r *roomWriter) Write(p []byte) (int, error) {
	if r.written == 0 || r.written-r.looked >= reserveEvery {
		r.looked = r.written
		if err := leavesRoom(r.file, int64(len(p))); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(p)
	r.written += int64(n)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = &FullError{Directory: filepath.Dir(r.file.Name()), Err: err}
	}
	return n, err
}

func leavesRoom(file *os.File, more int64) error {
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &stat); err != nil {
		return nil // the write itself will tell
	}
	free, whole := int64(stat.Bavail)*stat.Bsize, int64(stat.Blocks)*stat.Bsize
	if reserve := min(reserveBytes, whole/reserveShare); free-more < reserve {
		return &FullError{Directory: filepath.Dir(file.Name()), Free: free, Err: unix.ENOSPC}
	}
	return nil
}
