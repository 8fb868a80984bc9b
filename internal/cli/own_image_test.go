package cli

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gapless/internal/project"
)

// program writes an ELF file that has one segment of a kind.
func program(t *testing.T, kind elf.ProgType) string {
	t.Helper()
	var text bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(header.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1})
	for _, part := range []any{header, elf.Prog64{Type: uint32(kind), Off: 64}} {
		if err := binary.Write(&text, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, text.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A program with a dynamic linker cannot run in an image of its own, and what
// cannot be read is not taken for one that can.
func TestIsStatic(t *testing.T) {
	if err := isStatic(program(t, elf.PT_LOAD)); err != nil {
		t.Error(err)
	}
	if err := isStatic(program(t, elf.PT_INTERP)); !errors.Is(err, errDynamic) {
		t.Error(err)
	}
	if err := isStatic(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a program that is not there is static")
	}
}

// The commands of helpers are not shown, and do what they say.
func TestStaticsCommands(t *testing.T) {
	fresh, served := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(fresh, "a.css"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	for _, act := range []string{"prepare", "publish"} {
		if code := Main(t.Context(), []string{"gapless", "statics", act, fresh, served}, strings.NewReader(""), &out, &errOut); code != 0 {
			t.Fatalf("%s: %d\n%s", act, code, errOut.String())
		}
	}
	if content, err := os.ReadFile(filepath.Join(served, "a.css")); err != nil || string(content) != "a" || out.String() != "1 new, 0 changed, 0 as before\n" {
		t.Errorf("%q %v, printed %q", content, err, out.String())
	}
	out.Reset()
	if Main(t.Context(), []string{"gapless", "--help"}, strings.NewReader(""), &out, &errOut); strings.Contains(out.String(), "statics") {
		t.Error("it is shown among the commands")
	}
}

// doctor says of each service that has static files served whether they can be
// collected beside those.
func TestExamineStatics(t *testing.T) {
	x := &examination{}
	examineStatics(x, &project.Project{Services: []project.Service{{Name: "worker"}, {Name: "api", Preparation: project.Preparation{StaticTarget: "/app/static"}}}})
	want := "ok"
	if runsAlone() != nil {
		want = "warning"
	}
	if len(x.findings) != 1 || x.findings[0].State != want || !strings.Contains(x.findings[0].Detail, "api: ") || !strings.Contains(x.findings[0].Detail, "/app/static") {
		t.Errorf("%+v, want one that is %s", x.findings, want)
	}
}
