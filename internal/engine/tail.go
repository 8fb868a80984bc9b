package engine

import (
	"cmp"
	"strings"
	"sync"
)

// tailBytes bounds what is kept of an output.
const tailBytes = 64 << 10

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu      sync.Mutex
	content []byte
	most    int // bytes that are kept; 0: tailBytes
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.content = append(t.content, p...)
	if excess := len(t.content) - cmp.Or(t.most, tailBytes); excess > 0 {
		t.content = append([]byte(nil), t.content[excess:]...)
	}
	return len(p), nil
}

// lines returns the last lines, cleaned.
func (t *tail) lines(count int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return tailLines(strings.ToValidUTF8(string(t.content), "?"), count)
}
