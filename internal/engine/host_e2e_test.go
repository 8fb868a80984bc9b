//go:build e2e

package engine

import (
	"errors"
	"os"
	"testing"
	"time"

	"gapless/internal/update"
)

func TestHostContainer(t *testing.T) {
	w := newWorld(t, "services: {one: {image: none}}\n")
	binary, err := buildApp()
	must(t, err)
	reference := w.name + "/app:1"
	image, err := w.engine.EnsureImage(background, reference, binary)
	must(t, err)
	t.Cleanup(func() { w.docker("rmi", "-f", reference) })
	if again, err := w.engine.EnsureImage(background, reference, binary); again != image || err != nil {
		t.Errorf("made again: %s, was %s (%v)", again, image, err)
	}
	state := t.TempDir()
	must(t, os.WriteFile(state+"/file", []byte("content"), 0o644))
	spec := HostContainer{
		Name: w.name + "-edge", Image: image, Command: []string{"/app", "sleep"},
		NetworkMode: "host", Restart: "always", ReadOnlyRoot: true,
		DropCapabilities: []string{"ALL"}, AddCapabilities: []string{"NET_BIND_SERVICE"},
		SecurityOptions: []string{"no-new-privileges"}, Mounts: []string{state},
		Labels: map[string]string{"engt": "yes"}, StopTimeout: 200 * time.Millisecond, OpenFiles: 4096,
	}
	t.Cleanup(func() { w.docker("rm", "-f", spec.Name) })
	started, err := w.engine.EnsureContainer(background, spec)
	if !started || err != nil {
		t.Fatalf("%v %v", started, err)
	}
	first, err := w.engine.Inspect(background, spec.Name)
	must(t, err)
	if started, err := w.engine.EnsureContainer(background, spec); started || err != nil {
		t.Errorf("started again (%v)", err)
	}
	if code, output, err := w.engine.Exec(background, spec.Name, []string{"/app", "files", state + "/file"}, patience); code != 0 || err != nil {
		t.Errorf("%d %s %v", code, output, err)
	}
	spec.Labels["engt"] = "other"
	if started, err := w.engine.EnsureContainer(background, spec); !started || err != nil {
		t.Errorf("not replaced: %v", err)
	}
	second, err := w.engine.Inspect(background, spec.Name)
	must(t, err)
	if second.ID == first.ID || !second.Running || second.Restart != "always" {
		t.Errorf("%+v", second)
	}
	if _, err := w.engine.client.ImageInspect(background, image); err != nil {
		t.Errorf("the image that is used again is gone: %v", err)
	}
	newer, err := w.engine.EnsureImage(background, w.name+"/other/app:2", copyOf(t, binary))
	must(t, err)
	t.Cleanup(func() { w.docker("rmi", "-f", newer) })
	spec.Image = newer
	_, err = w.engine.EnsureContainer(background, spec)
	must(t, err)
	if _, err := w.engine.client.ImageInspect(background, image); err == nil {
		t.Error("the image of the program that was replaced is left")
	}
	must(t, w.engine.RemoveContainer(background, spec.Name))
	must(t, w.engine.RemoveContainer(background, spec.Name))
	if _, err := w.engine.Inspect(background, spec.Name); !errors.Is(err, update.ErrNoContainer) {
		t.Error("it is left")
	}
	w.docker("create", "--name", spec.Name, newer)
	var foreign *ForeignContainerError
	if _, err := w.engine.EnsureContainer(background, spec); !errors.As(err, &foreign) {
		t.Errorf("replaced a container of somebody else: %v", err)
	}
}

// copyOf is a program of the same kind that is not the same.
func copyOf(t *testing.T, program string) string {
	t.Helper()
	content, err := os.ReadFile(program)
	must(t, err)
	path := t.TempDir() + "/app"
	must(t, os.WriteFile(path, append(content, 0), 0o755))
	return path
}

func TestImagesAndPins(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n  two:\n    image: localhost:1/engt/two:1\n  three:\n    build: {dockerfile_inline: \"FROM scratch\\nCOPY nothing /\\n\"}\n")
	bench := w.bench()
	id, err := bench.Build(background, "one", update.BuildOptions{})
	must(t, err)
	if known, err := bench.ImageID(background, w.name+"-one"); known != id || err != nil {
		t.Errorf("%s, built %s (%v)", known, id, err)
	}
	for _, c := range []struct{ noCache, another bool }{{false, false}, {true, true}} {
		again, err := bench.Build(background, "one", update.BuildOptions{NoCache: c.noCache})
		must(t, err)
		if (again != id) != c.another {
			t.Errorf("built again, without the cache %t: %s, was %s", c.noCache, again, id)
		}
		id = again
	}
	var failed *ImageError
	if _, err := bench.Build(background, "three", update.BuildOptions{}); !errors.As(err, &failed) || failed.Kind != ImageBuildFailed {
		t.Errorf("build: %v", err)
	} else {
		t.Log(err)
	}
	if _, err := bench.Pull(background, "two"); !errors.As(err, &failed) || failed.Kind != ImageUnreachable {
		t.Errorf("pull: %v", err)
	} else {
		t.Log(err)
	}
	pin := update.PinReference(w.name, "one", 3)
	must(t, bench.Tag(background, id, pin))
	must(t, bench.Tag(background, id, update.PinReference(w.name, "one", 12)))
	pins, err := w.engine.Pins(background, w.name)
	must(t, err)
	if len(pins) != 2 || pins[0].Reference != pin || pins[0].ImageID != id || pins[1].Release != 12 {
		t.Errorf("%+v", pins)
	}
	must(t, w.engine.RemovePins(background, pins))
	must(t, bench.Untag(background, pin))
	if pins, err := w.engine.Pins(background, w.name); len(pins) != 0 || err != nil {
		t.Errorf("%+v %v", pins, err)
	}
	if err := bench.Tag(background, "sha256:0000000000000000000000000000000000000000000000000000000000000000", pin); !errors.As(err, &failed) || failed.Kind != ImageMissing {
		t.Errorf("tag: %v", err)
	}
}
