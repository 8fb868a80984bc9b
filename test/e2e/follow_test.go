//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAddressMoves gives the container another address, as a restart of the
// host does: requests must find it again without anybody's help, and must not
// reach the stranger who got the old address.
func TestAddressMoves(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	name := s.project + "-api-1"
	before := s.docker("inspect", "--format", addressFormat, name)
	s.docker("stop", "--time", "5", name)
	stranger := s.docker("run", "--detach", "--label", "com.docker.compose.project="+s.project, "--network", s.project+"_default", imageName+":v1", "worker")
	if got := s.docker("inspect", "--format", addressFormat, stranger); got != before {
		t.Fatalf("the stranger has %s, not the old address %s: the test proves nothing", got, before)
	}
	s.docker("start", name)
	if got := s.docker("inspect", "--format", addressFormat, name); got == before {
		t.Fatalf("the container has its old address %s again: the test proves nothing", got)
	}
	s.answersAgain(t)
}

// TestEdgeRestarts kills the edge: its successor serves as soon as somebody
// told it where the containers are.
func TestEdgeRestarts(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	edge := s.docker("ps", "--quiet", "--filter", "label=gapless.edge="+s.state+"/edge", "--filter", "name=gapless-edge")
	if edge == "" {
		t.Fatal("no edge container")
	}
	s.docker("kill", "--signal", "KILL", edge)
	s.docker("start", edge)
	s.answersAgain(t)
}

const addressFormat = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"

// docker calls the engine's client.
func (s *shop) docker(arguments ...string) string {
	s.t.Helper()
	output, err := exec.Command("docker", arguments...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("docker %v: %v\n%s", arguments, err, output)
	}
	return strings.TrimSpace(string(output))
}

// answersAgain waits until the api answers through the edge.
func (s *shop) answersAgain(t *testing.T) {
	t.Helper()
	began := time.Now()
	client := &http.Client{Timeout: 20 * time.Second}
	waitFor(t, func() bool {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", s.port))
		if err != nil {
			return false
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusOK && response.Header.Get("Shop-Version") == "" {
			t.Error("a stranger answered")
		}
		return response.StatusCode == http.StatusOK
	})
	t.Logf("answers again after %s", time.Since(began).Round(10*time.Millisecond))
}
