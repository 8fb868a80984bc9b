package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"filippo.io/age"
)

// DamageError says that a stored file is not what was written.
type DamageError struct {
	Path    string
	Problem string
}

func (e *DamageError) Error() string { return e.Path + " " + e.Problem }

// Hint tells what to do about it.
func (e *DamageError) Hint() string {
	return "use another backup (gapless backup list), or another copy of this one"
}

// dumpReader reads a dump from its file. Its end is an error unless the file
// and the dump in it are, to the last byte, what the manifest says.
type dumpReader struct {
	mu     sync.Mutex // a program that is fed may end before its feeder does
	file   *os.File
	want   Database
	stored hash.Hash
	plain  hash.Hash
	raw    io.Reader // the file, summed up
	from   io.Reader // the dump
	count  atomic.Int64
}

// untilDone is a file that nobody reads to its end once the work is given up.
type untilDone struct {
	ctx  context.Context
	file *os.File
}

// Read implements io.Reader.
func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.file.Read(p)
}

// openDump opens a stored dump. One of the wrong size is refused at once.
func openDump(ctx context.Context, path string, want Database, identities []age.Identity) (*dumpReader, error) {
	if err := checkSize(path, want); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &dumpReader{file: file, want: want, stored: sha256.New(), plain: sha256.New()}
	r.raw = io.TeeReader(untilDone{ctx, file}, r.stored)
	r.from = r.raw
	if want.Sealed {
		if r.from, err = open(r.raw, identities); err != nil {
			return nil, errors.Join(r.unsealed(err), file.Close())
		}
	}
	return r, nil
}

// checkSize is the look at a dump that costs nothing.
func checkSize(path string, want Database) error {
	about, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{path, "is missing"}
	}
	if err != nil {
		return err
	}
	switch size := about.Size(); {
	case !about.Mode().IsRegular():
		return &DamageError{path, "is not a file"}
	case size < want.Stored.Bytes:
		return &DamageError{path, fmt.Sprintf("is truncated: it has %d of %d bytes", size, want.Stored.Bytes)}
	case size > want.Stored.Bytes:
		return &DamageError{path, fmt.Sprintf("has grown: it has %d bytes, and had %d", size, want.Stored.Bytes)}
	}
	return nil
}

// unsealed tells damage from a wrong key: only an undamaged file lacks the key.
func (r *dumpReader) unsealed(err error) error {
	if _, readErr := io.Copy(io.Discard, r.raw); readErr != nil {
		return readErr
	}
	if damage := r.checkStored(); damage != nil {
		return damage
	}
	return fmt.Errorf("%s: %w", r.file.Name(), err)
}

func (r *dumpReader) checkStored() error {
	if got := hex.EncodeToString(r.stored.Sum(nil)); got != r.want.Stored.SHA256 {
		return &DamageError{r.file.Name(), "was changed since it was written: its checksum is another one"}
	}
	return nil
}

// Read implements io.Reader.
func (r *dumpReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.from.Read(p)
	r.plain.Write(p[:n])
	r.count.Add(int64(n))
	switch {
	case err == io.EOF:
		if damage := r.finish(); damage != nil {
			return n, damage
		}
	case err != nil:
		return n, r.unsealed(err)
	}
	return n, err
}

// finish checks what was read to its end.
func (r *dumpReader) finish() error {
	if _, err := io.Copy(io.Discard, r.raw); err != nil { // what encryption has left unread
		return err
	}
	if err := r.checkStored(); err != nil {
		return err
	}
	if r.count.Load() != r.want.Plain.Bytes || hex.EncodeToString(r.plain.Sum(nil)) != r.want.Plain.SHA256 {
		return &DamageError{r.file.Name(), "does not hold the dump that its manifest describes"}
	}
	return nil
}

// close reads what nobody has read, because the checksum is that of all.
func (r *dumpReader) close() error {
	_, err := io.Copy(io.Discard, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(err, r.file.Close())
}
