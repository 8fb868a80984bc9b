//go:build e2e

package engine

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// richProject uses what docker compose hashes, mounts and connects.
const richProject = `
services:
  db:
    build: .
    volumes: [data:/data, /anonymous]
    networks: [back]
    healthcheck: {test: [CMD, /app, print, ok], interval: 1s}
  web:
    build: .
    image: ${COMPOSE_PROJECT_NAME}-web:latest
    environment: {VERSION: one, EMPTY: ""}
    env_file: [web.env]
    restart: unless-stopped
    stop_grace_period: 3s
    depends_on: {db: {condition: service_started, restart: true}}
    networks:
      front: {aliases: [www, shop]}
      back: {priority: 100, aliases: [web.internal]}
    deploy: {replicas: 2, resources: {limits: {memory: 64M}}}
    configs:
      - {source: inline, target: /etc/inline.conf, mode: 0440}
      - file
    secrets: [token, {source: word, target: renamed}]
    labels: {some.label: value}
    volumes: [shared:/shared, ./web.env:/web.env:ro, /scratch]
    logging: {options: {max-size: 1m}}
    cap_drop: [ALL]
  side:
    build: .
    command: [sleep]
    stop_grace_period: 0s
    network_mode: service:db
    volumes_from: [db]
  job:
    build: .
    command: [exit, "0"]
    restart: "no"
networks:
  front:
  back: {internal: true}
volumes: {data: , shared: }
configs:
  inline: {content: "inline content"}
  file: {file: ./web.env}
secrets:
  token: {environment: ENGT_TOKEN}
  word: {file: ./web.env}
`

func newRichWorld(t *testing.T) *world {
	t.Setenv("ENGT_TOKEN", "s3cret")
	w := newWorld(t, richProject)
	w.write("web.env", "FROM_FILE=yes\n")
	w.write(".env", "COMPOSE_PROJECT_NAME="+w.name+"\n")
	return w
}

// What docker compose makes and what an update makes must be the same to
// docker compose: an up afterwards recreates nothing.
func TestComposeRecreatesNothing(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	bench := w.bench()
	observed, err := bench.Observe(background)
	must(t, err)
	for _, c := range observed.Containers {
		if c.ConfigHash != observed.ConfigHashes[c.Service] {
			t.Errorf("%s: wanted hash %s, docker compose wrote %s", c.Name, observed.ConfigHashes[c.Service], c.ConfigHash)
		}
	}
	old := w.containers()
	for service, numbers := range map[string][]int{"web": {3, 4}, "job": {2}, "db": {2}} {
		for _, number := range numbers {
			must(t, bench.Create(background, w.spec(service, number)))
			must(t, bench.Start(background, w.spec(service, number).Name))
		}
	}
	for name := range old {
		if !strings.Contains(name, "-side-") {
			must(t, bench.Remove(background, name))
		}
	}
	must(t, bench.Remove(background, w.name+"-side-1"))
	must(t, bench.Create(background, w.spec("side", 2)))
	must(t, bench.Start(background, w.spec("side", 2).Name))
	ours := w.containers()
	output := w.compose("up", "-d")
	after := w.containers()
	if len(after) != len(ours) {
		t.Errorf("docker compose up changed the containers: %v -> %v\n%s", ours, after, output)
	}
	for name, id := range ours {
		if after[name] != id {
			t.Errorf("docker compose up recreated %s\n%s", name, output)
		}
	}
}

// Label by label and field by field, only what createRequest changes differs
// from the container that docker compose makes under the same number.
func TestCreateEqualsCompose(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	theirs, err := w.engine.inspect(background, w.name+"-web-2")
	must(t, err)
	w.docker("rm", "-f", w.name+"-web-2")
	must(t, w.bench().Create(background, w.spec("web", 2)))
	must(t, w.engine.Start(background, w.name+"-web-2"))
	ours, err := w.engine.inspect(background, w.name+"-web-2")
	must(t, err)

	maps.DeleteFunc(ours.Config.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "gapless.") })
	slices.Sort(ours.Config.Env)
	slices.Sort(theirs.Config.Env)
	if ours.Config.Labels["com.docker.compose.project.config_files"] == "" {
		t.Error("no config_files label")
	}
	if ours.HostConfig.RestartPolicy.Name != "no" {
		t.Errorf("restart policy %s", ours.HostConfig.RestartPolicy.Name)
	}
	ours.HostConfig.RestartPolicy = theirs.HostConfig.RestartPolicy
	ours.Config.Hostname = theirs.Config.Hostname // the beginning of the ID
	compareJSON(t, "config", theirs.Config, ours.Config)
	compareJSON(t, "host config", sortHost(theirs), sortHost(ours))
	for name, endpoint := range theirs.NetworkSettings.Networks {
		mine := ours.NetworkSettings.Networks[name]
		if mine == nil {
			t.Fatalf("not in network %s", name)
		}
		compareJSON(t, "aliases in "+name, withoutID(endpoint.Aliases, theirs.ID), withoutID(mine.Aliases, ours.ID))
	}
}

// A name that differs from the one of docker compose is also the alias in
// every network.
func TestCreateUnderAnotherName(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	spec := w.spec("web", 5)
	spec.Name = w.name + "-other"
	must(t, w.bench().Create(background, spec))
	made, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	if made.Config.Labels[labelNumber] != "5" || made.Config.Labels[LabelRun] != "run1" || made.Config.Labels[LabelRelease] != "7" {
		t.Errorf("labels %v", made.Config.Labels)
	}
	if len(made.NetworkSettings.Networks) != 2 {
		t.Fatalf("%d networks", len(made.NetworkSettings.Networks))
	}
	for name, endpoint := range made.NetworkSettings.Networks {
		aliases := strings.Join(endpoint.Aliases, " ")
		if !strings.Contains(aliases, spec.Name) || strings.Contains(aliases, w.name+"-web-5") {
			t.Errorf("aliases in %s: %s", name, aliases)
		}
	}
}

func TestCreateIsIdempotent(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	bench := w.bench()
	spec := w.spec("web", 1)
	must(t, bench.Create(background, spec))
	first := w.containers()[spec.Name]
	must(t, bench.Create(background, spec))
	if again := w.containers()[spec.Name]; again != first {
		t.Errorf("created again: %s -> %s", first, again)
	}
	// Half-made: a request that died before the second network.
	w.docker("network", "disconnect", w.name+"_front", spec.Name)
	must(t, bench.Create(background, spec))
	made, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	if len(made.NetworkSettings.Networks) != 2 {
		t.Error("a half-made container was adopted")
	}
	spec.Run = "run2"
	var foreign *ForeignContainerError
	if err := bench.Create(background, spec); !errors.As(err, &foreign) {
		t.Errorf("adopted the container of another run: %v", err)
	}
}

// Configs and secrets that cannot be mounted are in the container.
func TestCreateInjectsFiles(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	project := w.load()
	service := project.Services["web"]
	service.Command = []string{"files", "/etc/inline.conf", "/file", "/run/secrets/token", "/run/secrets/renamed"}
	project.Services["web"] = service
	bench := ForProject(w.engine, project)
	spec := w.spec("web", 1)
	must(t, bench.Create(background, spec))
	must(t, bench.Start(background, spec.Name))
	waitExit(t, bench, spec.Name)
	var output string
	eventually(t, "all files are printed", func() bool {
		lines, err := w.engine.Logs(background, spec.Name, 50)
		must(t, err)
		output = strings.Join(lines, "\n")
		return strings.Contains(output, "/run/secrets/renamed=")
	})
	for _, wanted := range []string{"/etc/inline.conf=inline content", "/run/secrets/token=s3cret", "/file=FROM_FILE=yes", "/run/secrets/renamed=FROM_FILE=yes"} {
		if !strings.Contains(output, wanted) {
			t.Errorf("%s is missing in\n%s", wanted, output)
		}
	}
}

// The successor takes the anonymous volume over and gets a named one anyway.
func TestCreateInheritsVolumes(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	bench := w.bench()
	spec := w.spec("web", 3)
	spec.Inherit = w.name + "-web-1"
	must(t, bench.Create(background, spec))
	old, err := w.engine.inspect(background, spec.Inherit)
	must(t, err)
	made, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	volumes := map[string]string{}
	for _, m := range old.Mounts {
		volumes[m.Destination] = m.Name
	}
	if len(made.Mounts) != len(old.Mounts) {
		t.Errorf("%d mounts, was %d", len(made.Mounts), len(old.Mounts))
	}
	for _, m := range made.Mounts {
		if volumes[m.Destination] != m.Name {
			t.Errorf("%s: volume %s, was %s", m.Destination, m.Name, volumes[m.Destination])
		}
	}
}
