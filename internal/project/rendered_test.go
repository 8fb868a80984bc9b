package project

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// writeFiles lays out a project directory from file names and contents.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "shop")
	for name, content := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

const everythingCompose = `
name: shop
x-gapless: {maintenance: {page: page.html, retry_after: 2m, allow: [10.0.0.0/8, 192.0.2.7], health: page}}
x-common: &common
  restart: unless-stopped
  logging: {driver: json-file, options: {max-size: "10m"}}
services:
  api:
    <<: *common
    build: {context: ., args: {A: "1", B: }, secrets: [key], labels: {a: b}}
    command: ["sh", "-c", "echo $$HOME && exec server --price '5$$'"]
    entrypoint: []
    environment:
      PRICE: "5$$ and $${NOT} ${SET}"
      PASSED:
      UNSET_PASSED:
      EMPTY: ""
      NUMBER: 8080
      MULTI: "a\nb\n"
    env_file: [a.env, {path: missing.env, required: false}, {path: raw.env, format: raw}]
    labels: {price: "5$$", traefik.enable: "false"}
    healthcheck:
      test: curl -f http://localhost:8000/health/ || exit $$?
      interval: 1m30s
      timeout: 5s
      retries: 5
      start_period: 40s
      start_interval: 1s
    ports: ["127.0.0.1:8000:8000", "9000-9002:9000-9002/udp", {target: 70, mode: host, app_protocol: http}, "53"]
    expose: ["8000", "9001/udp"]
    secrets: [key, {source: token, target: /run/t, uid: "1", mode: 0440}]
    configs: [{source: inline, target: /etc/inline}, fromenv]
    volumes: ["data:/data:ro", "./src:/src", "/anonymous", {type: tmpfs, target: /t, tmpfs: {size: 1g}}]
    tmpfs: [/run]
    deploy:
      replicas: 1
      resources: {limits: {cpus: "0.50", memory: 128M, pids: 10}, reservations: {memory: 64M}}
      update_config: {parallelism: 2, order: start-first, delay: 10s}
    depends_on: {db: {condition: service_healthy, restart: true}}
    networks: {front: {aliases: [a], priority: 10}, default: }
    ulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 5}
    sysctls: {net.core.somaxconn: 1024}
    extra_hosts: ["host.docker.internal:host-gateway", "a:1.2.3.4", "a:1.2.3.5"]
    stop_grace_period: 1m
    stop_signal: SIGINT
    init: true
    shm_size: 64m
    mem_swappiness: 10
    user: "1000:1000"
    x-note: {price: "5$$"}
    x-gapless: {role: web, route: {port: 8000, path: /, health: /health/}, quiesce: [kill, -TSTP, "1"]}
    develop: {watch: [{path: ./src, action: rebuild}]}
    pre_stop: [{command: "sleep 1"}]
    cap_add: [NET_ADMIN]
    dns: 1.1.1.1
    devices: ["/dev/null:/dev/xnull"]
    annotations: {a: "b$$"}
    gpus: all
  db:
    image: postgres:17
    healthcheck: {test: [CMD, pg_isready]}
    volumes: [{type: volume, source: data, target: /var/lib/postgresql/data, volume: {nocopy: true}}]
  off: {image: redis, profiles: [debug]}
volumes: {data: {driver_opts: {type: none, o: bind, device: /srv}, labels: {a: "$$"}}}
networks: {front: {ipam: {config: [{subnet: 10.1.0.0/16}]}}}
secrets: {key: {file: key.txt}, token: {environment: TOKEN}}
configs: {inline: {content: "price 5$$\n${SET}"}, fromenv: {environment: CFG}}
`

func everythingProject(t *testing.T) *Project {
	t.Helper()
	directory := writeFiles(t, map[string]string{
		"compose.yaml": everythingCompose, "key.txt": "k", "manage.py": "import django", "Dockerfile": "FROM python:3.13",
		"page.html": "<!doctype html>\n<title>\"5$$ ${SET}\"</title>\n",
		"a.env":     "FROM_FILE=x${SET}y\nDOLLAR='a$b'\n", "raw.env": "RAW=a$b'c'\n", ".env": "SET=from-dotenv\n", "extra.env": "SET=extra\n",
	})
	loaded, err := Load(context.Background(), Options{
		Files:    []string{filepath.Join(directory, "compose.yaml")},
		EnvFiles: []string{filepath.Join(directory, "extra.env")},
		Environ:  []string{"PASSED=yes$", "TOKEN=t0k$en", "CFG=c$fg"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func hashInput(t *testing.T, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRenderedProjectEqualsTheOriginal(t *testing.T) {
	original := everythingProject(t)
	content, err := original.Render()
	if err != nil {
		t.Fatal(err)
	}
	// What was found out from the source is recorded: the source goes on.
	for _, name := range []string{"manage.py", "page.html"} {
		if err := os.Remove(filepath.Join(original.Directory, name)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := LoadRendered(context.Background(), content, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	for name, want := range original.Compose.Services {
		got := again.Compose.Services[name]
		if diff := cmp.Diff(hashInput(t, want), hashInput(t, got)); diff != "" {
			t.Errorf("hash input of %s differs:\n%s", name, diff)
		}
		if diff := cmp.Diff(want.CustomLabels, got.CustomLabels); diff != "" {
			t.Errorf("labels of %s differ:\n%s", name, diff)
		}
	}
	for name, want := range original.Compose.Networks {
		if diff := cmp.Diff(hashInput(t, want), hashInput(t, again.Compose.Networks[name])); diff != "" {
			t.Errorf("network %s differs:\n%s", name, diff)
		}
	}
	for name, want := range original.Compose.Volumes {
		if diff := cmp.Diff(hashInput(t, want), hashInput(t, again.Compose.Volumes[name])); diff != "" {
			t.Errorf("volume %s differs:\n%s", name, diff)
		}
	}
	if got, want := again.Compose.Secrets["token"].Content, "t0k$en"; got != want {
		t.Errorf("secret from the environment is %q, want %q", got, want)
	}
	if got, want := again.Compose.Configs["fromenv"].Content, "c$fg"; got != want {
		t.Errorf("config from the environment is %q, want %q", got, want)
	}
	ignored := cmpopts.IgnoreFields(Project{}, "Compose", "Findings")
	if want := "<!doctype html>\n<title>\"5$$ ${SET}\"</title>\n"; again.Maintenance.Page != want || len(again.Maintenance.Allow) != 2 {
		t.Errorf("maintenance is %+v", again.Maintenance)
	}
	if diff := cmp.Diff(original, again, ignored, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreUnexported(Project{})); diff != "" {
		t.Errorf("project differs:\n%s", diff)
	}
	second, err := again.Render()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(content), string(second)); diff != "" {
		t.Errorf("rendering is not stable:\n%s", diff)
	}
}
