//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// told is what a webhook gets at the end of an update.
type told struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Result string `json:"result"`
	Why    string `json:"why"`
}

// hook is a webhook on the loopback that the updates of a shop are told to.
type hook struct {
	mu   sync.Mutex
	told []told
}

// tells adds a webhook to the compose file of the shop.
func (s *shop) tells() *hook {
	s.t.Helper()
	h := &hook{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var one told
		if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, one)
	}))
	s.t.Cleanup(server.Close)
	address := filepath.Join(s.t.TempDir(), "hook")
	if err := os.WriteFile(address, []byte(server.URL+"/sesame-open\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.edit("compose.yaml", "\n  edge: {http", "\n  notify: [{kind: webhook, url_file: \""+address+"\"}]\n  edge: {http")
	return h
}

// once fails the test unless there was one message since the last look, with that
// result and reason.
func (h *hook) once(t *testing.T, result, why string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.told) != 1 || h.told[0].Type != "update" || h.told[0].Result != result || !strings.Contains(h.told[0].Why, why) {
		t.Errorf("told %+v, want once %s because of %q", h.told, result, why)
	}
	h.told = nil
}
