package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"gapless/internal/update"
)

// maxLogBytes bounds a journal. A run writes some kilobytes.
const maxLogBytes = 64 << 20

// CorruptError says that a journal was damaged by something else than a
// crash. What it says must not be acted upon: the caller holds.
type CorruptError struct {
	Path   string
	Offset int64 // of the first byte that is not readable
	Reason string
	Copy   string // where it was kept; empty if it was read without the lock
}

func (e *CorruptError) Error() string {
	text := fmt.Sprintf("%s is damaged at byte %d: %s; what runs is left as it is: look with gapless status, then end the run with gapless abort", e.Path, e.Offset, e.Reason)
	if e.Copy != "" {
		text += "; a copy is kept as " + e.Copy
	}
	return text
}

// HostError says that the run under way was begun on another machine, so that
// its containers are not here.
type HostError struct{ Path string }

func (e *HostError) Error() string {
	return e.Path + " was written on another machine; go on there, or move it away if that machine is gone"
}

// logContent is what a journal says.
type logContent struct {
	records  []Record
	checksum string // of the last frame
	goodSize int64  // bytes up to the end of the last intact frame
}

// parse reads frames up to the first that is not intact. What is left then is
// a torn tail, or corruption if an intact frame follows.
func parse(path string, content []byte) (logContent, error) {
	parsed := logContent{checksum: noFrame}
	if len(content) == 0 {
		return parsed, &CorruptError{Path: path, Reason: "it is empty, which gapless never leaves behind"}
	}
	rest := content
	for len(rest) > 0 {
		body, checksum, next := splitFrame(rest)
		if body == nil {
			return parsed, parsed.judgeTail(path, rest)
		}
		record, err := decodeBody(path, body)
		if err != nil {
			return parsed, err
		}
		if record.Sequence != int64(len(parsed.records))+1 || record.Previous != parsed.checksum {
			return parsed, &CorruptError{Path: path, Offset: parsed.goodSize, Reason: "entries are missing or out of order"}
		}
		parsed.records = append(parsed.records, record)
		parsed.checksum = checksum
		parsed.goodSize += int64(len(rest) - len(next))
		rest = next
	}
	return parsed, nil
}

// judgeTail tells a write that a crash cut off from damage. The first frame
// is synced before the file gets its name, so that no crash can tear it.
func (l *logContent) judgeTail(path string, tail []byte) error {
	switch {
	case len(l.records) == 0:
		return &CorruptError{Path: path, Reason: "its first entry is not readable"}
	case holdsFrame(tail):
		return &CorruptError{Path: path, Offset: l.goodSize, Reason: "an entry is not readable although later ones are"}
	case len(tail) > maxFrameBytes:
		return &CorruptError{Path: path, Offset: l.goodSize, Reason: "more follows the last entry than one write can leave"}
	}
	return nil
}

// readLog reads the journal of the newest run; no journal is empty content.
func readLog(disk files, path string) (logContent, error) {
	return readLogFile(disk, logName, path+"/"+logName)
}

func readLogFile(disk files, name, path string) (logContent, error) {
	content, err := disk.read(name, maxLogBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return logContent{checksum: noFrame}, nil
	}
	if err != nil {
		return logContent{}, fmt.Errorf("read journal: %w", err)
	}
	return parse(path, content)
}

// entries strips the facts of the frames.
func (l logContent) entries() []update.Entry {
	var entries []update.Entry
	for _, record := range l.records {
		entries = append(entries, record.Entry)
	}
	return entries
}

// OpenRun returns the entries of the last run if it has no end; nil otherwise.
func OpenRun(entries []update.Entry) []update.Entry {
	begin := 0
	for i, entry := range entries {
		if entry.Kind == update.EntryBegin {
			begin = i
		}
	}
	if len(entries) == 0 || entries[len(entries)-1].Kind == update.EntryEnd {
		return nil
	}
	return entries[begin:]
}

// Records returns the journal of the newest run, which may be finished.
func (s *Store) Records() ([]Record, error) {
	content, err := readLog(s.disk, s.path)
	return content.records, err
}

// Unfinished returns the entries of a run without an end, and nil if the last
// run ended. It changes nothing and needs no lock.
func (s *Store) Unfinished() ([]update.Entry, error) {
	content, err := readLog(s.disk, s.path)
	if err != nil {
		return nil, err
	}
	open := OpenRun(content.entries())
	if open == nil {
		return nil, nil
	}
	wrote, here := content.records[0].Host, machineID()
	if wrote != "" && here != "" && wrote != here {
		return nil, &HostError{Path: s.path + "/" + logName}
	}
	return open, nil
}
