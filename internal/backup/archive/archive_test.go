package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// must fails the test for any error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// filled makes a directory with one of everything.
func filled(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	long := strings.Repeat("n", 200)
	must(t,
		os.MkdirAll(at("a/b/"+long+"/"+long), 0o755), os.Mkdir(at("empty"), 0o2770), os.WriteFile(at("a/file"), bytes.Repeat([]byte("text\n"), 70_000), 0o640),
		os.WriteFile(at("a-b"), nil, 0o600), os.WriteFile(at("a/b/\xff\n\"odd"), []byte("odd"), 0o755), os.WriteFile(at("a/b/"+long+"/"+long+"/deep"), []byte("deep"), 0o600),
		os.Link(at("a/file"), at("z-same")), os.Symlink("../a-b", at("a/link")), os.Symlink("nowhere", at("dangling")), unix.Mkfifo(at("pipe"), 0o600))
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	spec := []unix.Timespec{unix.NsecToTimespec(old.UnixNano()), unix.NsecToTimespec(old.UnixNano())}
	for _, name := range []string{"a/link", "a/file", "a/b", "empty", "."} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, at(name), spec, unix.AT_SYMLINK_NOFOLLOW))
	}
	if os.Geteuid() == 0 {
		must(t, os.Chown(at("empty"), 1234, 4321), os.Lchown(at("dangling"), 1234, 4321), os.Chmod(at("empty"), 0o2770|os.ModeSetgid))
	}
	if err := unix.Setxattr(at("a/file"), "user.note", []byte("a\x00b"), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
		t.Fatal(err)
	}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, at("empty"), spec, 0))
	return root
}

func linesOf(t testing.TB, root string) (lines []string) {
	t.Helper()
	must(t, List(root, func(line string) error { lines = append(lines, line); return nil }))
	return lines
}

func packed(t testing.TB, root string) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, Write(&b, root, nil))
	return b.Bytes()
}

// TestRoundTrip: what comes back is what was there, to the nanosecond.
func TestRoundTrip(t *testing.T) {
	root := filled(t)
	want := linesOf(t, root)
	var passed []string
	var b bytes.Buffer
	must(t, Write(&b, root, func(path, _ string) { passed = append(passed, path) }))
	if !slices.Equal(passed, []string{"pipe"}) {
		t.Errorf("left out: %q", passed)
	}
	var said []string
	must(t, Lines(bytes.NewReader(b.Bytes()), func(e Entry) error { said = append(said, e.Line()); return nil }))
	if !slices.Equal(said, want) {
		t.Errorf("the archive says\n%s\nand there was\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	into := t.TempDir()
	must(t, Extract(&b, into))
	if got := linesOf(t, into); !slices.Equal(got, want) {
		t.Errorf("came back\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if path := PathOf(want[1]); path != "a" {
		t.Errorf("the path of %q is %q", want[1], path)
	}
}

// TestCutOffOrChanged: no part of an archive passes for all of it.
func TestCutOffOrChanged(t *testing.T) {
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "a"), []byte("text"), 0o600), os.WriteFile(filepath.Join(root, "b"), []byte("text"), 0o600))
	whole := packed(t, root)
	for size := range len(whole) - 3*512 { // the last blocks hold nothing but the end
		if err := Lines(bytes.NewReader(whole[:size]), func(Entry) error { return nil }); err == nil {
			t.Fatalf("%d of %d bytes are enough", size, len(whole))
		}
	}
	var bad *BadError
	if err := Extract(bytes.NewReader(whole[:3*512]), t.TempDir()); !errors.As(err, &bad) || !strings.Contains(err.Error(), "is cut off") {
		t.Error(err)
	}
	if err := Extract(strings.NewReader(strings.Repeat("no tar\n", 1000)), t.TempDir()); !errors.As(err, &bad) || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}

// TestHarmIsRefused: an archive that somebody made to do harm does none, and each
// has its own words.
func TestHarmIsRefused(t *testing.T) {
	root := tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}
	end := tar.Header{Name: "gapless", Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{endRecord: "2"}}
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	for name, c := range map[string]struct {
		entries []tar.Header
		says    string
	}{
		"good":             {[]tar.Header{root, file("a"), end}, ""},
		"up":               {[]tar.Header{root, file("../a"), end}, "leads out of the volume"},
		"up inside":        {[]tar.Header{root, file("a/../../b"), end}, "leads out of the volume"},
		"absolute":         {[]tar.Header{root, file("/etc/passwd"), end}, "leads out of the volume"},
		"absolute link":    {[]tar.Header{root, link("a", "/etc"), end}, "symbolic link to an absolute path"},
		"through a link":   {[]tar.Header{root, link("a", "../.."), file("a/b"), end}, "out of order"},
		"over a link":      {[]tar.Header{root, link("a", ".."), file("a"), end}, "out of order"},
		"linked from out":  {[]tar.Header{root, {Name: "a", Typeflag: tar.TypeLink, Linkname: "../x"}, end}, "link to a file outside"},
		"linked to nobody": {[]tar.Header{root, {Name: "a", Typeflag: tar.TypeLink, Linkname: "x"}, end}, "that the archive does not have"},
		"device":           {[]tar.Header{root, {Name: "a", Typeflag: tar.TypeBlock}, end}, "is a device"},
		"pipe":             {[]tar.Header{root, {Name: "a", Typeflag: tar.TypeFifo}, end}, "is a device or a pipe"},
		"long name":        {[]tar.Header{root, file(strings.Repeat("a", 256)), end}, "name that is too long"},
		"long path":        {[]tar.Header{root, file(strings.Repeat("a/", 2001) + "a"), end}, "name that is too long"},
		"no directory":     {[]tar.Header{root, file("a/b"), end}, "out of order"},
		"no volume":        {[]tar.Header{file("a"), end}, "does not begin with the volume"},
		"twice":            {[]tar.Header{root, file("a"), file("a"), end}, "out of order"},
		"of a restore":     {[]tar.Header{root, file(StagingPrefix + "1"), end}, "only a restore gives"},
		"lacks one":        {[]tar.Header{root, end}, "lacks entries"},
		"no end":           {[]tar.Header{root, file("a")}, "is cut off"},
		"after the end":    {[]tar.Header{root, file("a"), end, file("b")}, "goes on after its end"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range c.entries {
			h.Format = tar.FormatPAX
			must(t, w.WriteHeader(&h))
		}
		must(t, w.Close())
		outer := t.TempDir()
		into := filepath.Join(outer, "in")
		must(t, os.Mkdir(into, 0o700))
		err := Extract(bytes.NewReader(b.Bytes()), into)
		var bad *BadError
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if names, _ := os.ReadDir(outer); len(names) != 1 {
			t.Errorf("%s: outside is %v", name, names)
		}
	}
}

// TestFileThatChanges: a file that changes while it is read is read again, and one
// that is never still is no backup.
func TestFileThatChanges(t *testing.T) {
	for name, c := range map[string]struct {
		times int
		fails bool
	}{"once": {times: 1}, "always": {times: attempts, fails: true}} {
		root := t.TempDir()
		path := filepath.Join(root, "log")
		must(t, os.WriteFile(path, []byte("first"), 0o600), os.WriteFile(filepath.Join(root, "zero"), []byte("still"), 0o600))
		var b bytes.Buffer
		w := &writer{tar: tar.NewWriter(&b)}
		left := c.times
		w.torn = func() {
			if left > 0 {
				left--
				must(t, os.WriteFile(path, []byte("changed "+strings.Repeat("x", left)), 0o600))
			}
		}
		err := w.write(root, nil)
		var changed *ChangedError
		if errors.As(err, &changed) != c.fails || !c.fails && err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.fails {
			continue
		}
		into, said := t.TempDir(), 0
		must(t, Lines(bytes.NewReader(b.Bytes()), func(Entry) error { said++; return nil }), Extract(&b, into))
		if content, _ := os.ReadFile(filepath.Join(into, "log")); string(content) != "changed " || said != 3 {
			t.Errorf("%s: %q came back, of %d entries", name, content, said)
		}
	}
}

// TestWhatNoBackupHolds is refused when it is made, not when it is needed.
func TestWhatNoBackupHolds(t *testing.T) {
	root := t.TempDir()
	must(t, os.Symlink("/etc/passwd", filepath.Join(root, "link")))
	if err := Write(io.Discard, root, nil); err == nil || !strings.Contains(err.Error(), "absolute path") {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	must(t, os.Remove(filepath.Join(root, "link")))
	if err := unix.Mknod(filepath.Join(root, "device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		return // not allowed here
	}
	if err := Write(io.Discard, root, nil); err == nil || !strings.Contains(err.Error(), "is a device") {
		t.Error(err)
	}
}

// FuzzRead: no archive makes the reader panic, or gets anything out of its
// directory.
func FuzzRead(f *testing.F) {
	root := f.TempDir()
	must(f, os.WriteFile(filepath.Join(root, "a"), []byte("text"), 0o600), os.Symlink("a", filepath.Join(root, "b")), os.Link(filepath.Join(root, "a"), filepath.Join(root, "c")))
	f.Add(packed(f, root))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, data []byte) {
		listed := Lines(bytes.NewReader(data), func(Entry) error { return nil })
		outer := t.TempDir()
		into := filepath.Join(outer, "in")
		must(t, os.Mkdir(into, 0o700))
		if err := Extract(bytes.NewReader(data), into); err == nil && listed != nil {
			t.Errorf("extracted, and %v", listed)
		}
		if names, _ := os.ReadDir(outer); len(names) != 1 {
			t.Errorf("outside is %v", names)
		}
	})
}
