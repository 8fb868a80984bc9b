package cli

import (
	"bytes"
	"context"
	"io"
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
