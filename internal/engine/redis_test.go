package engine

import (
	"testing"

	"github.com/moby/moby/api/types/container"
)

// TestRedisSettings: how to get in is in the command, in whatever form.
func TestRedisSettings(t *testing.T) {
	for name, c := range map[string]struct {
		entrypoint, command []string
		password, port      string
		file                string
	}{
		"plain":     {command: []string{"redis-server"}},
		"options":   {command: []string{"redis-server", "--requirepass", "se cret", "--port", "6380"}, password: "se cret", port: "6380"},
		"image's":   {entrypoint: []string{"docker-entrypoint.sh"}, command: []string{"redis-server", "/etc/redis.conf", "--appendonly", "yes"}, file: "/etc/redis.conf"},
		"shell":     {command: []string{"sh", "-c", "exec redis-server --requirepass \"$REDIS_SECRET\""}, password: "of the environment"},
		"in braces": {entrypoint: []string{"sh", "-c", "valkey-server --requirepass ${REDIS_SECRET}"}, password: "of the environment"},
	} {
		found := redisSettings(container.InspectResponse{Config: &container.Config{Entrypoint: c.entrypoint, Cmd: c.command, Env: []string{"REDIS_SECRET=of the environment"}}})
		if found["requirepass"] != c.password || found["port"] != c.port || found["file"] != c.file {
			t.Errorf("%s: %v", name, found)
		}
	}
	if found := redisConfiguration("# requirepass x\nport 7000\nrequirepass \"secret\"\nsave 60 1\n"); len(found) != 2 || found["requirepass"] != "secret" || found["port"] != "7000" {
		t.Errorf("%v", found)
	}
}
