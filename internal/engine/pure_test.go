package engine

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// What the library creates is signed with the version that is linked.
func TestComposeVersion(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(module), "github.com/docker/compose/v5 v"+composeVersion+"\n") {
		t.Errorf("go.mod requires another version than %s", composeVersion)
	}
}

// References are hashed as what they resolve to, everything else as it is.
func TestConfigHash(t *testing.T) {
	existing := []container.Summary{summary("db", "2", ""), summary("db", "1", "")}
	service := types.ServiceConfig{Name: "web"}
	service.NetworkMode, service.VolumesFrom = "service:db", []string{"db", "container:other"}
	got, err := configHash(service, existing)
	if err != nil {
		t.Fatal(err)
	}
	resolved := types.ServiceConfig{Name: "web"}
	resolved.NetworkMode, resolved.VolumesFrom = "container:db1", []string{"db1", "other"}
	wanted, err := compose.ServiceHash(resolved)
	if err != nil {
		t.Fatal(err)
	}
	if got != wanted || service.VolumesFrom[0] != "db" {
		t.Errorf("got %s, wanted %s; volumes_from is now %v", got, wanted, service.VolumesFrom)
	}
}

func TestRestartPolicies(t *testing.T) {
	for _, text := range []string{"no", "always", "unless-stopped", "on-failure", "on-failure:3"} {
		policy, err := parseRestart(text)
		if err != nil || restartText(policy) != text {
			t.Errorf("%s: %s %v", text, restartText(policy), err)
		}
	}
	for _, text := range []string{"sometimes", "always:3", "on-failure:x", "on-failure:-1"} {
		if _, err := parseRestart(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
	if text := restartText(container.RestartPolicy{}); text != "no" {
		t.Error(text)
	}
}

func TestSignals(t *testing.T) {
	for text, wanted := range map[string]unix.Signal{"SIGTERM": unix.SIGTERM, "quit": unix.SIGQUIT, "15": unix.SIGTERM} {
		if got, err := signalNumber(text); got != wanted || err != nil {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	if _, err := signalNumber("SIGNOTHING"); err == nil {
		t.Error("SIGNOTHING was taken")
	}
	if !isStopSignal("", unix.SIGTERM) || !isStopSignal("SIGHUP", unix.SIGHUP) || isStopSignal("", unix.SIGHUP) {
		t.Error("stop signals")
	}
}

func TestEscapeControl(t *testing.T) {
	for text, wanted := range map[string]string{
		"plain ünicode\tx": "plain ünicode\tx",
		"\x1b[31mred":      `\x1b[31mred`,
		"bell\a\x7f":       `bell\x07\x7f`,
		"bad\xff":          `bad\xff`,
		"over\u202eride":   `over\u202eride`,
		"\u009bcsi":        `\u009bcsi`,
		"real \ufffd":      "real \ufffd",
	} {
		if got := escapeControl(text); got != wanted {
			t.Errorf("%q: %q, wanted %q", text, got, wanted)
		}
	}
}

func TestLines(t *testing.T) {
	var lines []string
	long := strings.Repeat("x", 3*maximumLine)
	err := eachLine(strings.NewReader("one\r\n10%\r20%\n"+long+"\nlast"), func(line string) error {
		lines = append(lines, line)
		return nil
	})
	if err != nil || len(lines) != 4 || lines[0] != "one" || lines[1] != "20%" || len(lines[2]) > maximumLine+10 || lines[3] != "last" {
		t.Errorf("%v %.200q", err, lines)
	}
	output := &tail{}
	for range 10_000 {
		output.Write([]byte("many lines of output\n"))
	}
	output.Write([]byte("the end\n\n"))
	if kept := output.lines(2); !slices.Equal(kept, []string{"many lines of output", "the end"}) || len(output.content) > tailBytes {
		t.Errorf("%q, %d bytes", kept, len(output.content))
	}
}

// The words of registries and daemons, old and new.
func TestPullTrouble(t *testing.T) {
	for text, wanted := range map[string]ImageTrouble{
		"toomanyrequests: You have reached your pull rate limit.":                                                ImageRateLimited,
		"unauthorized: authentication required":                                                                  ImageLogin,
		"Head \"https://r.example/v2/a/manifests/1\": no basic auth credentials":                                 ImageLogin,
		"pull access denied for a/b, repository does not exist or may require 'docker login'":                    ImageUnknown,
		"manifest for a/b:9 not found: manifest unknown: manifest unknown":                                       ImageUnknown,
		"denied: requested access to the resource is denied":                                                     ImageForbidden,
		"unexpected status from HEAD request to https://r.example/v2/a/manifests/1: 403 Forbidden":               ImageForbidden,
		"Get \"https://r.example/v2/\": dial tcp: lookup r.example: no such host":                                ImageUnreachable,
		"Get \"https://r.example/v2/\": dial tcp 192.0.2.1:443: connect: connection refused":                     ImageUnreachable,
		"Get \"https://r.example/v2/\": net/http: request canceled while waiting for connection (Client.Timeout": ImageUnreachable,
		"something else": ImageFailed,
	} {
		if got := pullTrouble(errors.New(text)); got != wanted {
			t.Errorf("%s: %s, wanted %s", text, got, wanted)
		}
	}
}

func TestPinReferences(t *testing.T) {
	pin, ok := parsePin("shop", update.PinReference("shop", "web", 42))
	if !ok || pin.Service != "web" || pin.Release != 42 {
		t.Errorf("%+v", pin)
	}
	for _, reference := range []string{"gapless-pin/other/web:r1", "gapless-pin/shop/web:latest", "shop/web:r1", "gapless-pin/shop/a/b:r1"} {
		if _, ok := parsePin("shop", reference); ok {
			t.Errorf("%s was taken", reference)
		}
	}
}

func TestIsLocal(t *testing.T) {
	for host, wanted := range map[string]bool{
		"unix:///var/run/docker.sock": true, "tcp://127.0.0.1:2375": true, "tcp://localhost:2375": true, "tcp://[::1]:2375": true,
		"ssh://user@host": false, "tcp://192.0.2.1:2376": false, "tcp://docker.example:2376": false, "": false,
	} {
		if got := isLocal(host); got != wanted {
			t.Errorf("%s: %t", host, got)
		}
	}
}

func TestMemoryOfCgroups(t *testing.T) {
	if place, ok := memoryCgroup("12:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n"); !ok || place.usage != "/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes" {
		t.Errorf("version 1: %+v", place)
	}
	if place, ok := memoryCgroup("0::/system.slice/docker-abc.scope\n"); !ok || place.usage != "/sys/fs/cgroup/system.slice/docker-abc.scope/memory.current" {
		t.Errorf("version 2: %+v", place)
	}
	if _, ok := memoryCgroup("0::/\n"); ok {
		t.Error("the root was taken for a container")
	}
	if bytes, ok := resident("1000\n", "cache 5\ninactive_file 300\n", "inactive_file"); bytes != 700 || !ok {
		t.Errorf("%d %t", bytes, ok)
	}
	if parseMemoryAvailable("MemTotal: 9 kB\nMemAvailable:   2048 kB\n") != 2<<20 {
		t.Error("MemAvailable")
	}
}

func TestParseListener(t *testing.T) {
	for line, wanted := range map[string]int{
		"   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000": 8080,
		"   1: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000": 0,
		"  sl  local_address rem_address   st tx_queue":                      0,
	} {
		if got := parseListener(line); got != wanted {
			t.Errorf("%q: %d", line, got)
		}
	}
}

func TestTestCommand(t *testing.T) {
	for text, wanted := range map[string]string{"CMD /app ok": "/app ok", "CMD-SHELL curl x": "/bin/sh -c curl x"} {
		got, err := testCommand(strings.Fields(text))
		if err != nil || strings.Join(got, " ") != wanted {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, test := range [][]string{nil, {"NONE"}, {"CMD"}, {"/app", "ok"}} {
		if _, err := testCommand(test); err == nil {
			t.Errorf("%v was taken", test)
		}
	}
}
