package edgectl

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gapless/internal/update"
)

// A hold of an update answers with its page when it lasts too long, takes another page
// at once, and is gone after the release.
func TestHoldWithPage(t *testing.T) {
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	if _, err := client.awaitHealth(t.Context()); err != nil {
		t.Fatal(err)
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	t.Cleanup(app.Close)
	router := NewRouter(client, "shop", nil)
	address := freeAddress(t)
	target := update.RouteTarget{TargetRef: update.TargetRef{Container: "web-1", Weight: 1}, Address: app.Listener.Addr().String()}
	route := update.RouteChange{Service: "web", Route: &update.RouteState{Listeners: []string{address}, Path: "/"}, Targets: []update.RouteTarget{target}}
	if err := router.Routes(t.Context(), []update.RouteChange{route}); err != nil {
		t.Fatal(err)
	}
	answer := func() (int, string, string) {
		response, err := http.Get("http://" + address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, response.Header.Get("Retry-After"), string(body)
	}
	hold := func(spec update.HoldSpec) {
		t.Helper()
		if err := router.Hold(t.Context(), "web", spec); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	hold(update.HoldSpec{Limit: 300 * time.Millisecond, Page: &update.Page{HTML: "first", RetryAfter: 1500 * time.Millisecond}})
	status, retryAfter, body := answer()
	if status != 503 || retryAfter != "2" || body != "first" || time.Since(began) < 300*time.Millisecond {
		t.Errorf("after %s: %d, Retry-After %s, %q", time.Since(began), status, retryAfter, body)
	}
	hold(update.HoldSpec{Page: &update.Page{HTML: "second"}})
	if status, _, body := answer(); status != 503 || body != "second" {
		t.Errorf("another page: %d %q", status, body)
	}
	if err := router.Release(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if status, _, body := answer(); status != 200 || body != "ok" {
		t.Errorf("after the release: %d %q", status, body)
	}
	if health, err := client.Health(t.Context()); err != nil || len(health.Holds) != 0 {
		t.Errorf("%+v, %v", health.Holds, err)
	}
}
