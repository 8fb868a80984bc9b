package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gapless/internal/update"
)

// writtenLog returns the bytes of an unfinished journal.
func writtenLog(t *testing.T) []byte {
	t.Helper()
	disk := newMemoryFiles()
	if err := layOut(disk); err != nil {
		t.Fatal(err)
	}
	log, err := openLog(disk, "/state", "test")
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, log, testRun("01A")...)
	content, _ := disk.read(logName, maxLogBytes)
	return content
}

// diskWith returns a disk whose journal has this content.
func diskWith(t *testing.T, content []byte) *memoryFiles {
	t.Helper()
	disk := newMemoryFiles()
	if err := layOut(disk); err != nil {
		t.Fatal(err)
	}
	f, _ := disk.create(logName)
	_, _ = f.Write(content)
	return disk
}

func TestTornTailAtEveryByte(t *testing.T) {
	t.Parallel()
	content := writtenLog(t)
	whole, err := parse("", content)
	if err != nil {
		t.Fatal(err)
	}
	firstFrame := bytes.IndexByte(content, '\n') + 1
	for cut := range content {
		disk := diskWith(t, content[:cut])
		complete := bytes.Count(content[:cut], []byte("\n"))
		log, err := openLog(disk, "/state", "test")
		if cut < firstFrame {
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("cut at %d, in the first frame: %v", cut, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		mustAppend(t, log, update.Entry{Kind: update.EntryResume, Run: "01A"})
		after, err := readLog(disk, "/state")
		if err != nil || len(after.records) != complete+1 {
			t.Fatalf("cut at %d: %d records, %v", cut, len(after.records), err)
		}
		for i, record := range after.records[:complete] {
			if record.Kind != whole.records[i].Kind {
				t.Fatalf("cut at %d: entry %d is %s", cut, i, record.Kind)
			}
		}
	}
}

func TestBitFlipAtEveryByte(t *testing.T) {
	t.Parallel()
	content := writtenLog(t)
	whole, _ := parse("", content)
	lastFrame := bytes.LastIndexByte(content[:len(content)-1], '\n') + 1
	for place := range content {
		for _, bit := range []int{0, 3, 5, 7} {
			flipped := bytes.Clone(content)
			flipped[place] ^= 1 << bit
			got, err := parse("", flipped)
			var corrupt *CorruptError
			if place < lastFrame && !errors.As(err, &corrupt) {
				t.Fatalf("bit %d of byte %d: %d entries and %v, not corruption", bit, place, len(got.records), err)
			}
			for i, record := range got.records {
				if record.Kind != whole.records[i].Kind || record.Step != whole.records[i].Step || record.Run != "01A" {
					t.Fatalf("bit %d of byte %d: entry %d became %+v", bit, place, i, record)
				}
			}
			if err == nil && len(got.records) != len(whole.records)-1 {
				t.Fatalf("bit %d of byte %d: %d entries are accepted", bit, place, len(got.records))
			}
		}
	}
}

func TestFramesOutOfOrder(t *testing.T) {
	lines := bytes.SplitAfter(writtenLog(t), []byte("\n"))
	stranger, _, err := encodeFrame(Record{Version: 1, Sequence: 2, Previous: "deadbeef", Entry: testRun("01A")[1]})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"twice":   bytes.Join([][]byte{lines[0], lines[1], lines[1]}, nil),
		"missing": bytes.Join([][]byte{lines[0], lines[2]}, nil),
		"foreign": bytes.Join([][]byte{lines[0], stranger}, nil),
		"swapped": bytes.Join([][]byte{lines[1], lines[0]}, nil),
	} {
		var corrupt *CorruptError
		if _, err := parse("", content); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedJournalIsKept(t *testing.T) {
	store := openStore(t)
	content := writtenLog(t)
	content[len(content)/2] ^= 1
	path := filepath.Join(store.Path(), logName)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := store.Lock(Self("", "gapless resume", "test"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	_, err = lock.Journal()
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("a damaged journal was opened: %v", err)
	}
	if kept, err := os.ReadFile(corrupt.Copy); err != nil || !bytes.Equal(kept, content) {
		t.Errorf("copy %q: %v", corrupt.Copy, err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, content) {
		t.Error("the damaged journal was changed")
	}
	if _, err := lock.SetAside(); err != nil {
		t.Fatal(err)
	}
	if log, err := lock.Journal(); err != nil || log.run != "" {
		t.Errorf("after setting it aside: %v", err)
	}
}

func TestWhatStandsInPlaceOfTheJournal(t *testing.T) {
	frame := func(record Record) []byte {
		frame, _, err := encodeFrame(record)
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	begin := update.Entry{Kind: update.EntryBegin, Run: "01A"}
	for name, test := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"empty":     {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "it is empty"},
		"huge":      {func(path string) error { _ = os.WriteFile(path, nil, 0o600); return os.Truncate(path, 1<<30) }, "has 1073741824 bytes"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory"},
		"symlink":   {func(path string) error { return os.Symlink("lock", path) }, "is a symbolic link"},
		"noise":     {func(path string) error { return os.WriteFile(path, []byte("hello\n"), 0o600) }, "first entry"},
		"future": {func(path string) error {
			return os.WriteFile(path, frame(Record{Version: 2, Sequence: 1, Previous: noFrame, Tool: "gapless 9.0", Entry: begin}), 0o600)
		}, "use the version that wrote it (gapless 9.0)"},
		"other machine": {func(path string) error {
			return os.WriteFile(path, frame(Record{Version: 1, Sequence: 1, Previous: noFrame, Host: "elsewhere", Entry: begin}), 0o600)
		}, "on another machine"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "other machine" && machineID() == "" {
				t.Skip("this machine has no id")
			}
			store := openStore(t)
			if err := test.put(filepath.Join(store.Path(), logName)); err != nil {
				t.Fatal(err)
			}
			_, err := store.Unfinished()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := parse("", content)
		if err == nil && got.goodSize > int64(len(content)) {
			t.Error("more was read than there is")
		}
	})
}
