package engine

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// The container of a trial can change nothing of the application, and is known
// as what it is.
func TestTrialIsIsolated(t *testing.T) {
	request := &createRequest{spec: update.CreateSpec{Service: "api", Name: "trial", Run: "run1", Command: []string{"migrate"}, Trial: true, Network: "apart"}}
	options := client.ContainerCreateOptions{
		Config: &container.Config{Image: "app", Labels: map[string]string{labelProject: "shop", labelService: "api", labelOneOff: "True"}},
		HostConfig: &container.HostConfig{
			Binds: []string{"/srv/code:/app:rw,z", "uploads:/app/media:rw"}, NetworkMode: "host", Privileged: true, Links: []string{"db:db"}, VolumesFrom: []string{"other"},
			Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: "static", Target: "/app/static"}, {Type: mount.TypeBind, Source: "/srv/logs", Target: "/logs"}, {Type: mount.TypeTmpfs, Target: "/tmp"}},
		},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{"shop_default": {Aliases: []string{"api"}}}},
	}
	request.apply(&options)
	host := options.HostConfig
	if !slices.Equal(host.Binds, []string{"/srv/code:/app:ro"}) {
		t.Errorf("binds %v", host.Binds)
	}
	for _, m := range host.Mounts {
		if m.Type == mount.TypeVolume && m.Source != "" || m.Type == mount.TypeBind && !m.ReadOnly {
			t.Errorf("it can write to %+v", m)
		}
	}
	if len(host.Mounts) != 4 {
		t.Errorf("mounts %v", host.Mounts)
	}
	if host.NetworkMode != "apart" || len(options.NetworkingConfig.EndpointsConfig) != 1 || options.NetworkingConfig.EndpointsConfig["apart"] == nil {
		t.Errorf("networks %s %v", host.NetworkMode, options.NetworkingConfig.EndpointsConfig)
	}
	if host.Privileged || len(host.Links)+len(host.VolumesFrom) > 0 {
		t.Errorf("it reaches others: %+v", host)
	}
	if labels := options.Config.Labels; labels[LabelTrial] != "shop" || labels[LabelRun] != "run1" {
		t.Errorf("labels %v", labels)
	}
}

func TestRefuseSockets(t *testing.T) {
	home := t.TempDir()
	deep := filepath.Join(home, "run", "postgresql")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	service := func(source string) (s types.ServiceConfig) {
		s.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "data", Target: "/data"}, {Type: types.VolumeTypeBind, Source: source, Target: "/run"}}
		return s
	}
	if err := refuseSockets(service(home)); err != nil {
		t.Error(err)
	}
	listener, err := net.Listen("unix", filepath.Join(deep, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, source := range []string{home, deep, filepath.Join(deep, ".s.PGSQL.5432")} {
		if err := refuseSockets(service(source)); err == nil || !strings.Contains(err.Error(), "/run") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// The options of a shadow are for the server: a shell would not pass them on.
func TestShadowCommand(t *testing.T) {
	for _, c := range []struct {
		command []string
		extends bool
	}{
		{[]string{"postgres"}, true}, {[]string{"postgres", "-c", "shared_buffers=4GB"}, true}, {[]string{"/usr/lib/postgresql/17/bin/postgres"}, true}, {[]string{"-c", "x=y"}, true},
		{[]string{"sh", "-c", "exec postgres"}, false}, {nil, false},
	} {
		got := shadowCommand(c.command)
		if (len(got) > len(c.command)) != c.extends || !slices.Equal(got[:len(c.command)], c.command) {
			t.Errorf("%v: %v", c.command, got)
		}
	}
}

func TestShadowMounts(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "postgresql.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		mount container.MountPoint
		reads bool
	}{
		{"the data", container.MountPoint{Type: mount.TypeVolume, Name: "pgdata", Destination: "/var/lib/postgresql/data", RW: true}, false},
		{"a directory of the host with data", container.MountPoint{Type: mount.TypeBind, Source: directory, Destination: "/var/lib/postgresql/data", RW: true}, false},
		{"a file", container.MountPoint{Type: mount.TypeBind, Source: file, Destination: "/etc/postgresql.conf", RW: true}, true},
		{"a directory for reading", container.MountPoint{Type: mount.TypeBind, Source: directory, Destination: "/etc/postgresql"}, true},
		{"scripts for a new database", container.MountPoint{Type: mount.TypeBind, Source: directory, Destination: "/docker-entrypoint-initdb.d"}, false},
		{"nothing", container.MountPoint{Type: mount.TypeBind, Source: filepath.Join(directory, "gone"), Destination: "/etc/gone"}, false},
	} {
		got := readOnlyMount(c.mount)
		if (got != nil) != c.reads || got != nil && !got.ReadOnly {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// Whoever starts the server as somebody else than root has to own the memory.
func TestMemoryOptions(t *testing.T) {
	for user, want := range map[string]string{"": "", "0": "", "0:0": "", "postgres": "", "999": "mode=0700,uid=999", "1001:0": "mode=0700,uid=1001"} {
		if got := memoryOptions(user); got != want {
			t.Errorf("%q: %q", user, got)
		}
	}
}
