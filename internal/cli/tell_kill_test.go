package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// A process that is killed while it tells has not told: the next one does, and the
// one after that does not.
func TestKilledWhileItTells(t *testing.T) {
	arrived, over := make(chan struct{}), make(chan struct{})
	var messages atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if messages.Add(1) == 1 {
			close(arrived)
			<-over
		}
	}))
	t.Cleanup(server.Close)
	defer close(over)
	directory := t.TempDir()
	state := filepath.Join(directory, "state")
	endedRun(t, state)
	file := filepath.Join(directory, "compose.yaml")
	compose := "name: shop\nx-gapless: {notify: [{kind: webhook, url_env: TOLD_URL}]}\nservices: {api: {image: 'api:1'}}\n"
	if err := os.WriteFile(file, []byte(compose), 0o600); err != nil {
		t.Fatal(err)
	}
	resume := func() *exec.Cmd {
		command := exec.Command(os.Args[0])
		command.Args = []string{"gapless", "-f", file, "resume"} // TestMain goes by the name
		command.Env = append(os.Environ(), "GAPLESS_STATE_DIR="+state, "DOCKER_HOST=unix://"+filepath.Join(directory, "docker.sock"), "TOLD_URL="+server.URL)
		return command
	}
	killed := resume()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- killed.Wait() }()
	select {
	case <-arrived:
	case err := <-ended:
		t.Fatalf("it ended without a message: %v", err)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	for _, want := range []int32{2, 2} {
		if output, err := resume().CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		if messages.Load() != want {
			t.Errorf("%d messages, want %d", messages.Load(), want)
		}
	}
}
