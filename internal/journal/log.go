package journal

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// ErrDiskFull says that an entry was not written because the disk is full.
// The journal stays usable: the ballast was given back, so that the way back
// can still be journalled.
var ErrDiskFull = errors.New("the disk of the state directory is full; free space there")

// Log appends to the journal. It implements update.Journal, can only be had
// with the lock, and can be used from several goroutines.
type Log struct {
	mu       sync.Mutex
	disk     files
	path     string
	tool     string
	host     string
	boot     string
	ballast  int64 // size of the ballast in bytes
	file     file  // nil: no run is open
	run      string
	last     string // run whose journal is still in place
	sequence int64
	checksum string
	size     int64
	decided  bool  // committed: only forward from here
	failed   error // the first error that cannot be mended
}

// runName is what can name a run and its file.
var runName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)

// openLog opens the journal for appending. The torn tail that a crash left is
// cut off; a damaged journal is copied aside and refused.
func openLog(disk files, path, tool string) (*Log, error) {
	log := &Log{disk: disk, path: path, tool: tool, host: machineID(), boot: bootID(), ballast: ballastBytes, checksum: noFrame}
	content, err := readLog(disk, path)
	if err != nil {
		return nil, keepCopy(disk, path, err)
	}
	if len(content.records) == 0 {
		return log, nil
	}
	log.last = content.records[0].Run
	if OpenRun(content.entries()) == nil {
		return log, nil
	}
	log.run, log.checksum, log.size = log.last, content.checksum, content.goodSize
	log.sequence = int64(len(content.records))
	for _, record := range content.records {
		log.follow(record.Entry)
	}
	return log, log.reopen()
}

// reopen takes up a journal that a dead process left. It may have died before
// it synced the name of the file; the next Append syncs the content.
func (l *Log) reopen() error {
	if err := l.disk.syncDirectory("."); err != nil {
		return fmt.Errorf("sync the name of the journal: %w", err)
	}
	var err error
	if l.file, err = l.disk.open(logName); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if err := l.file.Truncate(l.size); err != nil {
		return errors.Join(fmt.Errorf("cut the torn end of the journal: %w", err), l.file.Close())
	}
	return nil
}

// Append writes one entry and returns when it is on disk. After a failed
// write or sync the state of the file is not known, so the journal takes
// nothing more and repeats that error; ErrDiskFull is the exception.
func (l *Log) Append(entry update.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	if err := l.accepts(entry); err != nil {
		return err
	}
	if entry.Time.IsZero() {
		entry.Time = time.Now()
	}
	if entry.Kind == update.EntryBegin {
		return l.begin(entry)
	}
	frame, checksum, err := l.frame(entry)
	if err != nil {
		return err
	}
	if err := l.write(frame, l.mustGoOn(entry)); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return l.fail("sync", err)
	}
	l.sequence, l.checksum, l.size = l.sequence+1, checksum, l.size+int64(len(frame))
	l.follow(entry)
	return nil
}

// accepts refuses entries that no reader could make sense of.
func (l *Log) accepts(entry update.Entry) error {
	begin := entry.Kind == update.EntryBegin
	switch {
	case !knownKinds[entry.Kind]:
		return fmt.Errorf("journal: entry kind %q is unknown", entry.Kind)
	case !runName.MatchString(entry.Run):
		return fmt.Errorf("journal: %q cannot name a run", entry.Run)
	case begin && l.run != "":
		return fmt.Errorf("journal: run %s has not ended; end it first with: gapless resume", l.run)
	case !begin && l.run == "":
		return fmt.Errorf("journal: entry %s belongs to no run", entry.Kind)
	case !begin && entry.Run != l.run:
		return fmt.Errorf("journal: entry %s is of run %s, but run %s is open", entry.Kind, entry.Run, l.run)
	}
	return nil
}

// frame numbers an entry and chains it to the one before.
func (l *Log) frame(entry update.Entry) ([]byte, string, error) {
	frame, checksum, err := encodeFrame(Record{
		Version: formatVersion, Sequence: l.sequence + 1, Previous: l.checksum,
		Boot: l.boot, MonoNanos: sinceBootNanos(), Tool: l.tool, Host: l.host, Entry: entry,
	})
	if err == nil && l.size+int64(len(frame)) > maxLogBytes {
		return nil, "", fmt.Errorf("the journal of run %s has reached its limit of %d bytes", entry.Run, maxLogBytes)
	}
	return frame, checksum, err
}

// mustGoOn tells whether an entry is needed on the way to an end. On a full
// disk an update must not begin another step; going back, and finishing what
// is decided, uses the ballast.
func (l *Log) mustGoOn(entry update.Entry) bool {
	forward := entry.Kind == update.EntryIntent || entry.Kind == update.EntryDecide && entry.Decide == update.DecideCommit
	return l.decided || !forward
}

// write writes a frame. A full disk is the one failure after which the file
// is known: it is cut back to its last entry and the ballast is given up.
func (l *Log) write(frame []byte, mustGoOn bool) error {
	_, err := l.file.Write(frame)
	if err == nil {
		return nil
	}
	if !isFull(err) {
		return l.fail("write", err)
	}
	if err := l.file.Truncate(l.size); err != nil {
		return l.fail("cut back", err)
	}
	if removeErr := ignoreMissing(l.disk.remove(ballastName)); removeErr != nil {
		return l.fail("write", errors.Join(err, removeErr))
	}
	if !mustGoOn {
		return fmt.Errorf("journal: %w: %w", ErrDiskFull, err)
	}
	if _, err := l.file.Write(frame); err != nil {
		return l.fail("write", err)
	}
	return nil
}

// fail remembers the error that ends this journal's life.
func (l *Log) fail(what string, err error) error {
	l.failed = fmt.Errorf("%s journal of run %s: %w; nothing more is written to it", what, l.run, err)
	return l.failed
}

// follow keeps track of the run.
func (l *Log) follow(entry update.Entry) {
	switch {
	case entry.Kind == update.EntryDecide:
		l.decided = entry.Decide == update.DecideCommit
	case entry.Kind == update.EntryEnd:
		l.run, l.decided = "", false
	}
}

// close frees the file.
func (l *Log) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// isFull tells whether an error means that there is no room.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
