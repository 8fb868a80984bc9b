package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// panickingWriter stands for any bug: it is hit while a command is at work.
type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("a \x1b[31mbug") }

func TestPanicEndsInAMessage(t *testing.T) {
	var said bytes.Buffer
	code := Main(context.Background(), []string{"gapless", "version"}, strings.NewReader(""), panickingWriter{}, &said)
	if code != exitError {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{`internal error: a \x1b[31mbug`, "nothing was lost", "gapless resume", "report", "boundary_test.go"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not said:\n%s", want, said.String())
		}
	}
}

func TestMessagesDoNotCommandTheTerminal(t *testing.T) {
	var said bytes.Buffer
	code := Main(context.Background(), []string{"gapless", "--\x1b[31m\a"}, strings.NewReader(""), io.Discard, &said)
	if code != exitError || strings.ContainsAny(said.String(), "\x1b\a") {
		t.Errorf("exit code %d, %q", code, said.String())
	}
}

// TestHugeFile: a file that is too large is refused without being taken in.
func TestHugeFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	huge := "services:\n" + strings.Repeat("  api: {image: a}\n", 1<<21)
	if err := os.WriteFile(file, []byte(huge), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("GAPLESS_STATE_DIR", state)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var out, said bytes.Buffer
	code := Main(context.Background(), []string{"gapless", "-f", file, "update", "--yes"}, strings.NewReader(""), &out, &said)
	if code != exitRefused || out.Len() > 0 || !strings.Contains(said.String(), "hint: ") || said.Len() > 2000 {
		t.Errorf("exit code %d, %q, %.2000q", code, out.String(), said.String())
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(len(huge)/2) {
		t.Errorf("%d bytes were allocated for a file of %d", taken, len(huge))
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("the state directory was made")
	}
}
