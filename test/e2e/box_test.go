//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// memoryBox is a control group around all containers of a deployment.
type memoryBox struct {
	t         *testing.T
	parent    string // for cgroup_parent
	directory string
	files     struct{ limit, used, none string }
}

// newMemoryBox makes one without a limit.
func newMemoryBox(t *testing.T, name string) *memoryBox {
	t.Helper()
	output, err := exec.Command("docker", "info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	b := &memoryBox{t: t, parent: "/" + name, directory: "/sys/fs/cgroup/" + name}
	b.files.limit, b.files.used, b.files.none = "memory.max", "memory.current", "max"
	driver, version, _ := strings.Cut(strings.TrimSpace(string(output)), " ")
	if driver == "systemd" {
		b.parent, b.directory = name+".slice", "/sys/fs/cgroup/"+name+".slice"
	}
	if version == "1" {
		b.directory = strings.Replace(b.directory, "/sys/fs/cgroup/", "/sys/fs/cgroup/memory/", 1)
		b.files.limit, b.files.used, b.files.none = "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"
	}
	return b
}

// limit bounds the memory; 0 for none.
func (b *memoryBox) limit(bytes int64) {
	b.t.Helper()
	text := b.files.none
	if bytes > 0 {
		text = strconv.FormatInt(bytes, 10)
	}
	if err := os.WriteFile(filepath.Join(b.directory, b.files.limit), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *memoryBox) used() int64 {
	content, err := os.ReadFile(filepath.Join(b.directory, b.files.used))
	if err != nil {
		b.t.Fatal(err)
	}
	used, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		b.t.Fatal(err)
	}
	return used
}

// apiMegabytes is what each container of the API holds in these tests.
const apiMegabytes = 128

// newShopInBox deploys the whole example within a control group, with two
// copies of an API of a usual size, and a second service behind the edge.
func newShopInBox(t *testing.T) (*shop, *memoryBox) {
	t.Helper()
	s := newShop(t)
	b := newMemoryBox(t, s.project)
	inside := fmt.Sprintf("cgroup_parent: %q", b.parent)
	override := fmt.Sprintf(`
services:
  api:
    %[1]s
    deploy: {replicas: 2}
    environment: {SHOP_FAULT: "api:memory-hog=%[2]d"}
  second:
    %[1]s
    image: ${SHOP_IMAGE}:${SHOP_TAG}
    command: [api]
    restart: unless-stopped
    stop_grace_period: 30s
    depends_on: {store: {condition: service_healthy}}
    x-gapless: {role: web, route: {port: 8000, path: /second, health: /health}}
  worker: {%[1]s}
  scheduler: {%[1]s}
  migrate: {%[1]s}
  store: {%[1]s}
`, inside, apiMegabytes)
	file := filepath.Join(t.TempDir(), "box.yaml")
	if err := os.WriteFile(file, []byte(override), 0o600); err != nil {
		t.Fatal(err)
	}
	s.file += ":" + file
	t.Cleanup(func() {
		s.remove() // a group is removed when it is empty
		_ = os.Remove(b.directory)
	})
	s.update("v1", 0)
	s.fill(b, 2)
	return s, b
}

// fill waits until a number of APIs have taken what they hold, each of them.
func (s *shop) fill(b *memoryBox, apis int) {
	s.t.Helper()
	waitFor(s.t, func() bool {
		running := strings.Fields(s.docker("ps", "--quiet", "--filter", "label=com.docker.compose.project="+s.project, "--filter", "label=com.docker.compose.service=api"))
		for _, id := range running {
			if !strings.Contains(s.docker("logs", id), "holding ") {
				return false
			}
		}
		return len(running) == apis && b.used() > int64(apis)*apiMegabytes<<20
	})
}

// serves fails the test unless every service runs the version alone.
func (s *shop) serves(version string) {
	s.t.Helper()
	for service, want := range map[string]int{"api": 2, "second": 1, "worker": 1, "scheduler": 1} {
		if got := s.versions()[service]; len(got) != want || strings.Count(strings.Join(got, " "), version) != want {
			s.t.Errorf("%s runs %v, want %d of %s", service, got, want, version)
		}
	}
}
