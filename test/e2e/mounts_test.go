//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMountedFiles: a file that only the host knows of is a change of the
// service that has it mounted, once, and of nobody else; also if it was
// replaced, which the running container cannot see.
func TestMountedFiles(t *testing.T) {
	s := newShop(t)
	s.edit("compose.yaml", apiHead, apiHead+"    volumes: [\"./app.conf:/etc/app.conf\"]\n")
	conf := filepath.Join(filepath.Dir(s.file), "app.conf")
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plans := func(when string, changed bool) {
		t.Helper()
		output := s.run("v1", "plan").output
		if strings.Contains(output, "app.conf changed (mounted)") != changed || strings.Contains(output, "worker") {
			t.Errorf("%s: changed %t expected\n%s", when, changed, output)
		}
	}
	sees := func(content string) {
		t.Helper()
		running := s.docker("ps", "--quiet", "--filter", "label=com.docker.compose.project="+s.project, "--filter", "label=com.docker.compose.service=api")
		pid := s.docker("inspect", "--format", "{{.State.Pid}}", running)
		seen, err := os.ReadFile(filepath.Join("/proc", pid, "root/etc/app.conf"))
		if err != nil || string(seen) != content {
			t.Errorf("the container sees %q (%v), not %q", seen, err, content)
		}
	}
	write(conf, "one")
	s.update("v1", 0)
	plans("at first", false)
	write(conf, "two")
	plans("written", true)
	s.update("v1", 0)
	plans("updated", false)
	sees("two")
	write(conf+".new", "three")
	if err := os.Rename(conf+".new", conf); err != nil {
		t.Fatal(err)
	}
	plans("replaced", true)
	sees("two")
	s.update("v1", 0)
	plans("updated again", false)
	sees("three")
}
