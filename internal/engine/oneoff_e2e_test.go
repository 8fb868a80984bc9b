//go:build e2e

package engine

import (
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

func (w *world) oneOff(service string, command ...string) update.CreateSpec {
	return update.CreateSpec{Service: service, Name: w.name + "-" + service + "-task", Run: "run1", Release: 7, Command: command}
}

// A one-off of an update is the container of docker compose run --no-deps,
// label by label and field by field, but for what is ours.
func TestOneOffEqualsComposeRun(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	bench := w.bench()
	for _, service := range []string{"web", "db", "side", "job"} {
		name := w.name + "-" + service + "-theirs"
		w.compose("run", "--no-deps", "-d", "--interactive=false", "--name", name, service, "print", "hello")
		theirs, err := w.engine.inspect(background, name)
		must(t, err)
		spec := w.oneOff(service, "print", "hello")
		must(t, bench.Create(background, spec))
		created, err := w.engine.inspect(background, spec.Name)
		must(t, err)
		if created.State.Status != container.StateCreated {
			t.Errorf("%s: it was started: %s", service, created.State.Status)
		}
		must(t, bench.Start(background, spec.Name))
		waitExit(t, bench, spec.Name)
		ours, err := w.engine.inspect(background, spec.Name)
		must(t, err)
		eventually(t, service+" has printed", func() bool { return logged(t, w, spec.Name, "hello") })
		if lines, err := w.engine.Logs(background, spec.Name, 5); err != nil || !slices.Equal(lines, []string{"hello"}) {
			t.Errorf("%s printed %q, %v", service, lines, err)
		}
		compareOneOff(t, service, theirs, ours)
	}
}

func compareOneOff(t *testing.T, service string, theirs, ours container.InspectResponse) {
	t.Helper()
	if ours.Config.Labels[labelOneOff] != "True" || ours.Config.Labels[labelNumber] != "" {
		t.Errorf("%s: labels %v", service, ours.Config.Labels)
	}
	maps.DeleteFunc(ours.Config.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "gapless.") })
	for _, c := range []container.InspectResponse{theirs, ours} {
		if len(c.Config.Labels[labelSlug]) != 64 {
			t.Errorf("%s: slug %q", service, c.Config.Labels[labelSlug])
		}
		// Both follow from the name.
		delete(c.Config.Labels, labelSlug)
		delete(c.Config.Labels, labelConfigHash)
		slices.Sort(c.Config.Env)
	}
	ours.Config.Hostname = theirs.Config.Hostname // the beginning of the ID
	if theirs.HostConfig.RestartPolicy.Name == "" {
		theirs.HostConfig.RestartPolicy.Name = "no" // which it means
	}
	compareJSON(t, service+" config", theirs.Config, ours.Config)
	compareJSON(t, service+" host config", sortHost(theirs), sortHost(ours))
	compareJSON(t, service+" mounts", mountPlaces(theirs), mountPlaces(ours))
	if len(theirs.NetworkSettings.Networks) != len(ours.NetworkSettings.Networks) {
		t.Errorf("%s: %d networks, docker compose run has %d", service, len(ours.NetworkSettings.Networks), len(theirs.NetworkSettings.Networks))
	}
	for name, endpoint := range theirs.NetworkSettings.Networks {
		mine := ours.NetworkSettings.Networks[name]
		if mine == nil {
			t.Fatalf("%s: not in network %s", service, name)
		}
		named := func(aliases []string, c container.InspectResponse) []string {
			return slices.DeleteFunc(withoutID(aliases, c.ID), func(alias string) bool { return "/"+alias == c.Name })
		}
		compareJSON(t, service+" aliases in "+name, named(endpoint.Aliases, theirs), named(mine.Aliases, ours))
	}
}

// mountPlaces are the mounts without the names of anonymous volumes.
func mountPlaces(c container.InspectResponse) map[string]string {
	places := map[string]string{}
	for _, m := range c.Mounts {
		source := m.Source
		if len(m.Name) == 64 {
			source = "anonymous"
		}
		places[m.Destination] = string(m.Type) + " " + source
	}
	return places
}

// docker compose does not see a one-off among the containers of the service,
// and neither does an observation.
func TestComposeIgnoresOneOffs(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	bench, spec := w.bench(), w.oneOff("web", "sleep")
	must(t, bench.Create(background, spec))
	must(t, bench.Start(background, spec.Name))
	before := w.containers()
	if output := w.compose("ps"); strings.Contains(output, spec.Name) {
		t.Errorf("docker compose ps shows it:\n%s", output)
	}
	output := w.compose("up", "-d")
	if after := w.containers(); !maps.Equal(without(before, "-job-"), without(after, "-job-")) {
		t.Errorf("docker compose up changed something: %v -> %v\n%s", before, after, output)
	}
	observed, err := bench.Observe(background)
	must(t, err)
	for _, c := range observed.Containers {
		if c.Name == spec.Name {
			t.Error("it is observed as a container of the service")
		}
	}
	// Whoever asks for the service by name does not get the one-off.
	if output := w.docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", spec.Name); strings.Contains(output, `"www"`) || strings.Contains(output, `"web.internal"`) {
		t.Errorf("it answers for the service: %s", output)
	}
}

func without(containers map[string]string, part string) map[string]string {
	kept := maps.Clone(containers)
	maps.DeleteFunc(kept, func(name, _ string) bool { return strings.Contains(name, part) })
	return kept
}

// A service that only one container can have runs one-offs beside it: its
// name, its ports and its address stay where they are.
func TestOneOffBesideASingle(t *testing.T) {
	w := newWorld(t, `
services:
  one:
    build: .
    container_name: engtsingle
    restart: always
    ports: ["127.0.0.1:18474:8080"]
    post_start: [{command: [/app, exit, "0"]}]
    networks: {fixed: {ipv4_address: 10.213.7.5}}
networks: {fixed: {ipam: {config: [{subnet: 10.213.7.0/24}]}}}
`)
	w.compose("up", "-d", "--build")
	bench, spec := w.bench(), w.oneOff("one", "exit", "3")
	must(t, bench.Create(background, spec))
	must(t, bench.Create(background, spec))
	must(t, bench.Start(background, spec.Name))
	waitExit(t, bench, spec.Name)
	c, err := bench.Inspect(background, spec.Name)
	must(t, err)
	if c.ExitCode != 3 || c.Restart != "no" {
		t.Errorf("%+v", c)
	}
	must(t, bench.Fence(background, spec.Name, spec.Run))
	if left := w.containers(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// An image of its own, by ID, also if the service's reference names another.
func TestOneOffFromAnotherImage(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: {context: ., args: {VERSION: first}}\n    image: engtother:latest\n")
	w.compose("build")
	first := w.docker("images", "-q", "--no-trunc", "engtother:latest")
	w.write("compose.yaml", "services:\n  one:\n    build: {context: ., args: {VERSION: second}}\n    image: engtother:latest\n")
	w.compose("build")
	t.Cleanup(func() { w.docker("rmi", "-f", "engtother:latest", first) })
	spec := w.oneOff("one", "print", "hello")
	spec.ImageID = first
	must(t, w.bench().Create(background, spec))
	made, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	if made.Image != first || !slices.Contains(made.Config.Env, "VERSION=first") {
		t.Errorf("made from %s with %v", made.Image, made.Config.Env)
	}
	spec.Name, spec.ImageID = spec.Name+"2", "sha256:"+strings.Repeat("0", 64)
	if err := w.bench().Create(background, spec); err == nil || !strings.Contains(err.Error(), spec.ImageID) {
		t.Errorf("missing image: %v", err)
	}
}

// The anonymous volumes of a one-off go with it; those that it shares stay.
func TestOneOffLeavesNoVolumes(t *testing.T) {
	w := newRichWorld(t)
	w.compose("up", "-d", "--build")
	bench, spec := w.bench(), w.oneOff("web", "exit", "0")
	must(t, bench.Create(background, spec))
	must(t, bench.Start(background, spec.Name))
	waitExit(t, bench, spec.Name)
	found, err := w.engine.inspect(background, spec.Name)
	must(t, err)
	must(t, bench.Remove(background, spec.Name))
	kinds := map[bool]int{}
	for _, m := range found.Mounts {
		if m.Type != mount.TypeVolume {
			continue
		}
		own := len(m.Name) == 64
		kinds[own]++
		if w.hasVolume(m.Name) == own {
			t.Errorf("volume %s at %s: left %t", m.Name, m.Destination, !own)
		}
	}
	if kinds[true] == 0 || kinds[false] == 0 {
		t.Errorf("%v: this test shows nothing", found.Mounts)
	}
}

// hasVolume tells whether the engine has a volume of that name.
func (w *world) hasVolume(name string) bool {
	w.t.Helper()
	_, err := w.engine.client.VolumeInspect(background, name, client.VolumeInspectOptions{})
	if err != nil && !errdefs.IsNotFound(err) {
		w.t.Fatal(err)
	}
	return err == nil
}

// The library would take over the signals of this process if it went on.
func TestOneOffLeavesSignalsAlone(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGUSR1)
	defer signal.Stop(received)
	must(t, w.bench().Create(background, w.oneOff("web", "exit", "0")))
	must(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	select {
	case <-received:
	case <-time.After(patience):
		t.Error("signals do not arrive any more")
	}
}
