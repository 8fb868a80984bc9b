package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"

	"gapless/internal/update"
)

// formatVersion is the version of the frames that this program writes.
const formatVersion = 1

// maxFrameBytes bounds one frame, so that a broken length cannot eat memory.
const maxFrameBytes = 8 << 20

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is one entry with the facts of its frame.
type Record struct {
	Version   int    `json:"v"`
	Sequence  int64  `json:"seq"`            // from 1, without a gap
	Previous  string `json:"prev"`           // checksum of the frame before
	Boot      string `json:"boot"`           // boot id of the kernel
	MonoNanos int64  `json:"mono"`           // since boot, time asleep included
	Tool      string `json:"tool"`           // version of gapless that wrote it
	Host      string `json:"host,omitempty"` // which machine wrote it
	update.Entry
}

// noFrame stands for the frame before the first.
const noFrame = "00000000"

// FormatError says that a newer Gapless wrote a file.
type FormatError struct {
	Path   string
	Reason string
	Tool   string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s is not for this version of gapless: %s; use the version that wrote it (%s)", e.Path, e.Reason, e.Tool)
}

// encodeFrame returns the frame of a record and its checksum.
func encodeFrame(record Record) (frame []byte, checksum string, err error) {
	body, err := json.Marshal(record)
	if err != nil {
		return nil, "", fmt.Errorf("encode journal entry: %w", err)
	}
	checksum = checksumOf(body)
	frame = append([]byte(checksum+" "), body...)
	frame = append(frame, '\n')
	if len(frame) > maxFrameBytes {
		return nil, "", fmt.Errorf("journal entry %s has %d bytes, more than the %d that are allowed", record.Kind, len(frame), maxFrameBytes)
	}
	return frame, checksum, nil
}

func checksumOf(body []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli))
}

// headLength is the length of the checksum and the space.
const headLength = 9

// splitFrame cuts the first frame off. It returns nil if it is not intact.
func splitFrame(content []byte) (body []byte, checksum string, rest []byte) {
	end := bytes.IndexByte(content, '\n')
	if end < headLength || content[headLength-1] != ' ' {
		return nil, "", nil
	}
	body = content[headLength:end]
	checksum = string(content[:headLength-1])
	if checksumOf(body) != checksum {
		return nil, "", nil
	}
	return body, checksum, content[end+1:]
}

// frameHead is what every frame starts with.
var frameHead = regexp.MustCompile(`[0-9a-f]{8} \{`)

// holdsFrame tells whether an intact frame starts anywhere after the first
// byte, also behind a line end that was destroyed. A write that was torn
// leaves none: each frame is synced before the next one is written.
func holdsFrame(content []byte) bool {
	for len(content) > 1 {
		place := frameHead.FindIndex(content[1:])
		if place == nil {
			return false
		}
		content = content[1+place[0]:]
		if body, _, _ := splitFrame(content); body != nil {
			return true
		}
	}
	return false
}

// decodeBody decodes an intact frame. A version or a kind that this program
// does not know is refused, because half-understanding a journal is guessing.
func decodeBody(path string, body []byte) (Record, error) {
	var head struct {
		Version int    `json:"v"`
		Tool    string `json:"tool"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return Record{}, fmt.Errorf("%s: %w", path, err)
	}
	if head.Version != formatVersion {
		return Record{}, &FormatError{Path: path, Tool: head.Tool, Reason: fmt.Sprintf("format %d, and this is format %d", head.Version, formatVersion)}
	}
	var record Record
	if err := json.Unmarshal(body, &record); err != nil {
		return Record{}, &FormatError{Path: path, Tool: head.Tool, Reason: err.Error()}
	}
	if !knownKinds[record.Kind] {
		return Record{}, &FormatError{Path: path, Tool: head.Tool, Reason: fmt.Sprintf("entry kind %q", record.Kind)}
	}
	return record, nil
}

var knownKinds = map[update.EntryKind]bool{
	update.EntryBegin: true, update.EntryIntent: true, update.EntryDone: true, update.EntryFail: true,
	update.EntryUndo: true, update.EntryUndone: true, update.EntryDecide: true, update.EntryResume: true,
	update.EntryHold: true, update.EntryEnd: true, update.EntryNote: true,
}
