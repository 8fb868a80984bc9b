//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fronted is a deployment with an nginx in a container, as a service of the
// compose file.
type fronted struct {
	*shop
	directory string // of the compose file and of nginx's configuration
	config    string // of nginx at first
}

// frontConfig is the configuration of nginx; %s stands for the upstream of the
// api. A request that waits has two connections, and more than a few do on a busy
// machine.
const frontConfig = `error_log /dev/stderr notice;
pid /run/nginx.pid;
worker_processes 2;
events { worker_connections 8192; }
http {
	access_log off;
	client_max_body_size 0;
	map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
	%s
	server {
		listen 80;
		location = /nginx-health { return 204; }
		location / {
			proxy_pass http://api;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
			proxy_set_header Host $http_host;
		}
	}
}
`

// socketUpstream is the edge.
const socketUpstream = "upstream api { server unix:SOCKETS/shop.sock; keepalive 16; }"

// buildFront makes nginx's image in two versions that differ in a label.
func buildFront(t *testing.T, version string) {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	name := imageName + "/nginx:" + version
	if built[name] {
		return
	}
	if output, err := exec.Command(filepath.Join(root, "scripts/guide/nginx-image.sh")).CombinedOutput(); err != nil {
		t.Fatalf("nginx's image: %v\n%s", err, output)
	}
	command := exec.Command("docker", "build", "--tag", name, "-")
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	command.Stdin = strings.NewReader("FROM shop-nginx:front\nSTOPSIGNAL SIGQUIT\nLABEL version=" + version +
		"\nCMD [\"nginx\", \"-c\", \"/etc/nginx/shop/nginx.conf\", \"-g\", \"daemon off;\"]\n")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("nginx's image: %v\n%s", err, output)
	}
	built[name] = true
}

// newFronted prepares the example with an nginx. EDGE, the block of settings
// at the top, and NGINX, keys of the service, say how the two are joined.
func newFronted(t *testing.T, upstream, edge, nginx string) *fronted {
	t.Helper()
	buildFront(t, "n1")
	f := &fronted{shop: newShop(t), directory: t.TempDir()}
	replace := func(text string) string {
		return strings.NewReplacer("SOCKETS", "/run/gapless/"+f.project, "PORT", fmt.Sprint(f.port)).Replace(text)
	}
	t.Cleanup(func() { _ = os.RemoveAll("/run/gapless/" + f.project) })
	f.edit("compose.yaml", `edge: {http: ":${SHOP_PORT:-8080}"}`, replace(edge), "services:\n", replace(`services:
  nginx:
    image: `+imageName+`/nginx:${NGINX_TAG:-n1}
    restart: unless-stopped
`+nginx+"\n"))
	f.config = fmt.Sprintf(frontConfig, replace(upstream))
	f.write("nginx/nginx.conf", f.config)
	content, err := os.ReadFile(f.file)
	if err != nil {
		t.Fatal(err)
	}
	f.file = filepath.Join(f.directory, "compose.yaml")
	f.write("compose.yaml", string(content))
	return f
}

// write replaces a file beside the compose file in place.
func (f *fronted) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// betweenMode is nginx between the edge's port and the edge's socket. MOUNT is
// how its configuration gets into it.
func betweenMode(t *testing.T, mount string) *fronted {
	return newFronted(t, socketUpstream, `edge: {http: ":PORT", socket: SOCKETS/shop.sock}`, `
    volumes: ["`+mount+`", "SOCKETS:SOCKETS"]
    x-gapless: {route: {port: 80, health: /nginx-health}}`)
}

// TestNginxBetween updates nginx itself, which stands behind the edge and before
// it, then the application, and both at once; and brings in a configuration that
// was replaced, which takes another nginx, because it is mounted by itself.
func TestNginxBetween(t *testing.T) {
	f := betweenMode(t, mountFile)
	build(t, "v2", "")
	buildFront(t, "n2")
	f.update("v1", 0)
	traffic := f.traffic(nil)
	lossless := func(what, app string) {
		t.Helper()
		got := f.measured(app, 0)
		if got.Failed == nil || *got.Failed != 0 || got.ProbeFailures != 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	for _, step := range []struct{ nginx, app string }{{"n2", "v1"}, {"n2", "v2"}, {"n1", "v1"}} {
		f.env = []string{"NGINX_TAG=" + step.nginx}
		lossless(fmt.Sprint("to ", step), step.app)
		if tags := f.versions()["nginx"]; len(tags) != 1 || tags[0] != step.nginx {
			t.Errorf("nginx runs %v, want %s", tags, step.nginx)
		}
		if tags := f.versions()["api"]; len(tags) != 1 || tags[0] != step.app {
			t.Errorf("api runs %v, want %s", tags, step.app)
		}
	}
	f.replaceConfig(f.marked("second"))
	f.run("v1", "plan").says(t, "nginx.conf is mounted as a single file and was replaced")
	lossless("a replaced file", "v1")
	f.inForce("second")
	f.clean(traffic.Stop())
}
