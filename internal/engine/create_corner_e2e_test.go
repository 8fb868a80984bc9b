//go:build e2e

package engine

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"gapless/internal/update"
)

// container_name: the plan renames the old container first.
func TestCreateWithContainerName(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    container_name: engtfixed\n    pre_start: [{command: [/app, exit, '0'], per_replica: false}]\n")
	w.compose("up", "-d", "--build")
	t.Cleanup(func() { w.docker("rm", "-f", "engtfixed", "engtfixed-old") })
	bench := w.bench()
	spec := update.CreateSpec{Service: "one", Name: "engtfixed", Number: 1, Run: "run1", Release: 2}
	var foreign *ForeignContainerError
	if err := bench.Create(background, spec); !errors.As(err, &foreign) {
		t.Fatalf("taken name: %v", err)
	}
	must(t, bench.Rename(background, "engtfixed", "engtfixed-old"))
	must(t, bench.Rename(background, "engtfixed", "engtfixed-old"))
	must(t, bench.Create(background, spec))
	must(t, bench.Start(background, "engtfixed"))
	must(t, bench.Remove(background, "engtfixed-old"))
	before := w.containers()
	output := w.compose("up", "-d")
	if after := w.containers(); after["engtfixed"] != before["engtfixed"] {
		t.Errorf("docker compose up recreated it\n%s", output)
	}
}

// A missing image is not fetched behind the back of the plan.
func TestCreateWithoutImage(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    image: engtnowhere:1\n")
	var missing *ImageError
	if err := w.bench().Create(background, w.spec("one", 1)); !errors.As(err, &missing) || missing.Kind != ImageMissing {
		t.Errorf("got %v", err)
	}
}

// A network whose definition changed is not torn from under the containers.
func TestCreateRefusesToRecreateANetwork(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n")
	w.compose("up", "-d", "--build")
	w.write("compose.yaml", "services:\n  one:\n    build: .\nnetworks:\n  default:\n    labels: {changed: yes-it-is}\n")
	before := w.containers()
	var refused *RefusedError
	if err := w.bench().Create(background, w.spec("one", 2)); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	if after := w.containers(); len(after) != 1 || after[w.name+"-one-1"] != before[w.name+"-one-1"] {
		t.Errorf("containers changed: %v -> %v", before, after)
	}
	c, err := w.engine.Inspect(background, w.name+"-one-1")
	must(t, err)
	if !c.Running || c.Address() == "" {
		t.Errorf("the running container was touched: %+v", c)
	}
}

// The hooks after a start run, those before it leave no runners behind, and
// docker compose sees no difference.
func TestHooks(t *testing.T) {
	w := newWorld(t, "services:\n  one:\n    build: .\n    stop_grace_period: 1s\n    post_start: [{command: [/app, exit, '0']}]\n    pre_start: [{command: [exit, '0'], per_replica: false}]\n")
	w.compose("up", "-d", "--build")
	bench := w.bench()
	must(t, bench.Create(background, w.spec("one", 2)))
	must(t, bench.Start(background, w.spec("one", 2).Name))
	must(t, bench.Remove(background, w.name+"-one-1"))
	before := w.containers()
	if len(before) != 1 {
		t.Errorf("containers: %v", before)
	}
	output := w.compose("up", "-d")
	if after := w.containers(); len(after) != 1 || after[w.name+"-one-2"] != before[w.name+"-one-2"] {
		t.Errorf("%v -> %v\n%s", before, after, output)
	}
	project := w.load()
	service := project.Services["one"]
	service.PostStart[0].Command = []string{"/app", "exit", "4"}
	bench = ForProject(w.engine, project)
	must(t, bench.Create(background, w.spec("one", 3)))
	if err := bench.Start(background, w.spec("one", 3).Name); err == nil || !strings.Contains(err.Error(), "code 4") {
		t.Errorf("got %v", err)
	}
}

// Creations at the same time share the networks and volumes that they make.
func TestCreateInParallel(t *testing.T) {
	w := newRichWorld(t)
	w.compose("build")
	bench := w.bench()
	var group sync.WaitGroup
	for _, service := range []string{"web", "db", "job"} {
		for number := 1; number <= 3; number++ {
			group.Go(func() {
				if err := bench.Create(background, w.spec(service, number)); err != nil {
					t.Errorf("%s %d: %v", service, number, err)
				}
			})
		}
	}
	group.Wait()
	networks := w.docker("network", "ls", "-q", "--filter", "label="+labelProject+"="+w.name)
	if len(w.containers()) != 9 || len(strings.Fields(networks)) != 3 {
		t.Errorf("%d containers, networks %q", len(w.containers()), networks)
	}
}
