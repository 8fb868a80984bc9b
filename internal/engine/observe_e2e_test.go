//go:build e2e

package engine

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The plan of a project of ordinary size must not wait for the observation.
func TestObserveTwentyServices(t *testing.T) {
	var file strings.Builder
	file.WriteString("services:\n")
	for i := range 20 {
		fmt.Fprintf(&file, "  s%d:\n    image: ${COMPOSE_PROJECT_NAME}-app:1\n    init: false\n    stop_grace_period: 0s\n", i)
		if i == 0 {
			file.WriteString("    build: .\n    ports: ['18473:8080']\n")
		}
	}
	w := newWorld(t, file.String())
	w.write(".env", "COMPOSE_PROJECT_NAME="+w.name+"\n")
	w.compose("up", "-d", "--build")
	w.compose("run", "--rm=false", "s1", "exit", "0")
	bench := w.bench()
	var observed Observation
	for range 5 {
		begin := time.Now()
		var err error
		observed, err = bench.Observe(background)
		must(t, err)
		t.Logf("observed in %s", time.Since(begin))
	}
	if len(observed.Containers) != 20 || len(observed.Images) != 20 || len(observed.ConfigHashes) != 20 {
		t.Fatalf("%d containers, %d images, %d hashes", len(observed.Containers), len(observed.Images), len(observed.ConfigHashes))
	}
	if observed.MemoryAvailableBytes < 1<<20 {
		t.Errorf("%d bytes available", observed.MemoryAvailableBytes)
	}
	if owner := observed.TakenPorts[18473]; owner != w.name+"-s0-1" {
		t.Errorf("port 18473 is taken by %q", owner)
	}
	for _, c := range observed.Containers {
		if !c.Running || c.Address() == "" || c.ConfigHash != observed.ConfigHashes[c.Service] || c.ImageID != observed.Images[c.Service].ID || c.Number != 1 || c.MemoryBytes == 0 {
			t.Errorf("%+v", c)
		}
	}
	begin := time.Now()
	memory, err := w.engine.Memory(background, observed.Containers)
	must(t, err)
	t.Logf("memory of %d containers in %s", len(memory), time.Since(begin))
	begin = time.Now()
	must(t, bench.Create(background, w.spec("s1", 2)))
	t.Logf("created in %s", time.Since(begin))
	begin = time.Now()
	must(t, bench.Start(background, w.spec("s1", 2).Name))
	t.Logf("started in %s", time.Since(begin))
	begin = time.Now()
	must(t, bench.Remove(background, w.spec("s1", 2).Name))
	t.Logf("removed in %s", time.Since(begin))
}

// Each way in which an engine cannot be used has its own words.
func TestConnectTroubles(t *testing.T) {
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent"))
	must(t, err)
	defer silent.Close()
	for name, test := range map[string]struct {
		options Options
		trouble Trouble
	}{
		"no socket":     {Options{Host: "unix:///nowhere/docker.sock"}, TroubleMissing},
		"refused":       {Options{Host: "tcp://127.0.0.1:1"}, TroubleMissing},
		"no context":    {Options{Context: "engtnowhere"}, TroubleContext},
		"not answering": {Options{Host: "unix://" + silent.Addr().String()}, TroubleSilent},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Connect(background, test.options)
			trouble, ok := err.(*ConnectError)
			if !ok || trouble.Trouble != test.trouble || trouble.Hint() == "" {
				t.Errorf("got %#v: %v", err, err)
			}
		})
	}
	e, err := Connect(background, Options{})
	must(t, err)
	must(t, e.RequireUpdatable(background))
	facts, err := e.Facts(background)
	must(t, err)
	if facts.Version == "" || facts.APIVersion == "" || facts.RootDirectory == "" || !facts.Local {
		t.Errorf("%+v", facts)
	}
	begin := time.Now()
	_, err = Connect(background, Options{})
	must(t, err)
	t.Logf("connected in %s", time.Since(begin))
}

// A user who may not open the socket is told so.
func TestConnectWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	program, err := os.ReadFile(os.Args[0])
	must(t, err)
	directory, err := os.MkdirTemp("/tmp", "engt")
	must(t, err)
	defer os.RemoveAll(directory)
	must(t, os.Chmod(directory, 0o755))
	must(t, os.WriteFile(directory+"/child", program, 0o755))
	command := exec.Command(directory + "/child")
	command.Dir = directory
	command.Env = []string{"ENGT_CHILD=connect", "HOME=" + directory}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, _ := command.CombinedOutput()
	if !strings.HasPrefix(string(output), string(TroublePermission)+"\n") {
		t.Errorf("%s", output)
	}
}
