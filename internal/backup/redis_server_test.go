//go:build redis

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/backup/archive"
)

// The test of this file asks a real server. It needs redis-server and its tools:
//
//	go test -tags redis -run TestRedis ./internal/backup

// localEngine runs the scripts as programs of this host, in place of containers.
type localEngine struct{ *fileEngine }

func (l localEngine) Run(ctx context.Context, c Command) error {
	if len(c.Mounts) > 0 {
		return l.fileEngine.Run(ctx, c)
	}
	home := l.t.TempDir()
	command := exec.CommandContext(ctx, c.Argv[0], append(slices.Clone(c.Argv[1:2]), strings.ReplaceAll(c.Argv[2], "/tmp/gapless.", home+"/gapless."))...)
	command.Env = append(os.Environ(), c.Env...)
	for name, content := range c.Files {
		path := filepath.Join(home, "auth")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		command.Env = append(command.Env, "GAPLESS_AUTH_FILE="+path)
		_ = name
	}
	var said strings.Builder
	command.Env = append(command.Env, "SCRATCH="+home+"/s")
	command.Stdin, command.Stdout, command.Stderr = c.Stdin, c.Stdout, &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}

// realRedis is a server of this host.
type realRedis struct {
	t         *testing.T
	port      string
	directory string
	options   []string
	running   *exec.Cmd
}

func startRedis(t *testing.T, options ...string) *realRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("-tags redis asks for a redis-server, and there is none here")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	r := &realRedis{t: t, port: port, directory: t.TempDir(), options: options}
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *realRedis) start() {
	r.t.Helper()
	r.running = exec.Command("redis-server", append([]string{"--port", r.port, "--dir", r.directory, "--requirepass", secret, "--save", "3600 1"}, r.options...)...)
	if err := r.running.Start(); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); r.say("PING") != "PONG"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("no server")
		}
	}
}

func (r *realRedis) stop() {
	_ = r.running.Process.Signal(os.Interrupt)
	_ = r.running.Wait()
}

func (r *realRedis) say(arguments ...string) string {
	command := exec.Command("redis-cli", append([]string{"-p", r.port}, arguments...)...)
	command.Env = append(os.Environ(), "REDISCLI_AUTH="+secret)
	output, _ := command.Output()
	return strings.TrimSpace(string(output))
}

// TestRedisOnARealServer goes the whole way, with and without a log that wins over
// the dump at the start.
func TestRedisOnARealServer(t *testing.T) {
	for _, options := range [][]string{nil, {"--appendonly", "yes"}} {
		server := startRedis(t, options...)
		m, fake := newMaker(t)
		files := &fileEngine{fakeEngine: fake, t: t, root: server.directory, before: map[string]func() error{}, after: map[string]func() error{}, stopped: map[string]bool{}}
		m.Service, m.Engine, m.Keeper = "cache", localEngine{files}, files
		m.Helper = func(context.Context) (string, []string, error) { return "sha256:own", []string{"archive"}, nil }
		m.Kind = &Redis{Server: func(context.Context) (RedisServer, error) {
			return RedisServer{ContainerID: "c1", ImageID: "i1", Port: server.port, Password: secret}, nil
		}}
		server.say("MSET", "a", "1", "b", "2")
		server.say("-n", "3", "SET", "short", "x", "PX", "9000")
		stored := mustCreate(t, m)
		if tables := stored.Databases[0].Tables; tables["db0"] != 2 || tables["db3"] != 1 || !stored.Proven() {
			t.Fatalf("%+v", stored.Manifest)
		}
		for server.say("-n", "3", "EXISTS", "short") != "0" {
			time.Sleep(50 * time.Millisecond)
		}
		// Its time has come, and the backup is as it was.
		if err := m.Verify(t.Context(), stored, nil, quiet); err != nil {
			t.Fatal(err)
		}
		server.say("SET", "a", "of today")
		server.say("SET", "c", "of today")
		m.Run = "0197f2a1b2c3d4e5f7"
		r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
		if err != nil || !r.Loses() {
			t.Fatal(err)
		}
		files.before["exchange"] = func() error { server.stop(); return nil }
		if err := m.Restore(t.Context(), r, quiet); err != nil {
			t.Fatal(err)
		}
		server.start()
		if a, b, c := server.say("GET", "a"), server.say("GET", "b"), server.say("GET", "c"); a != "1" || b != "2" || c != "" {
			t.Errorf("%q: restored %q, %q, %q", options, a, b, c)
		}
		if names, err := os.ReadDir(filepath.Join(server.directory, archive.AsidePrefix+m.ID())); err != nil || len(names) == 0 {
			t.Errorf("%q: nothing of today is kept: %v", options, err)
		}
		server.refusesBad(m, stored)
	}
}

// refusesBad changes what a manifest says, and the dump, and asks with another
// password.
func (r *realRedis) refusesBad(m *Maker, stored Stored) {
	r.t.Helper()
	more := stored
	more.Databases = slices.Clone(stored.Databases)
	more.Databases[0].Tables = map[string]int64{"db0": 3, "db3": 1}
	var difference *DifferenceError
	if err := m.Verify(r.t.Context(), more, nil, quiet); !errors.As(err, &difference) || !strings.Contains(err.Error(), "db0 has 2 keys, and had 3") {
		r.t.Error(err)
	}
	path := filepath.Join(stored.Directory, "1.dump")
	content, _ := os.ReadFile(path)
	content[len(content)-3] ^= 1
	d, file := stored.Databases[0], filepath.Join(r.t.TempDir(), "1.dump")
	w, err := createDump(file, nil)
	if err == nil {
		_, err = io.WriteString(w, string(content))
	}
	if err == nil {
		d.Stored, d.Plain, err = w.finish()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	manifest := Manifest{Databases: []Database{d}}
	if err := m.Kind.prove(r.t.Context(), m, filepath.Dir(file), "i1", &manifest, nil, quiet); err == nil || !strings.Contains(err.Error(), "CRC") {
		r.t.Errorf("a changed dump: %v", err)
	}
	m.Kind = &Redis{Server: func(context.Context) (RedisServer, error) {
		return RedisServer{ContainerID: "c1", Port: r.port}, nil
	}}
	var refused *RedisAnswerError
	if err := m.Dump(r.t.Context(), quiet); !errors.As(err, &refused) || !strings.Contains(err.Error(), "wants a password") {
		r.t.Error(err)
	}
}
