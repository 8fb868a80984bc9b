package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gapless/internal/backup/archive"
)

// cache is a Redis whose tools answer.
type cache struct {
	*fileEngine
	keys, loaded, read string
	append             string
	says               string // in place of everything
}

func (c *cache) Run(ctx context.Context, command Command) error {
	if len(command.Mounts) > 0 {
		return c.fileEngine.Run(ctx, command)
	}
	c.ran = append(c.ran, command)
	var err error
	switch stepOf(command.Name) {
	case stepAsk:
		text := "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nused_memory:1000\r\n# Stats\r\ntotal_commands_processed:10\r\n# Keyspace\r\ndb0:keys=" + c.keys + ",expires=0,avg_ttl=0\r\n" +
			"gapless_setting:databases\ndatabases\n16\ngapless_setting:dir\ndir\n/data\ngapless_setting:dbfilename\ndbfilename\ndump.rdb\ngapless_setting:appendonly\nappendonly\n" + c.append +
			"\ngapless_setting:appendfilename\nappendfilename\nappendonly.aof\ngapless_setting:appenddirname\nappenddirname\nappendonlydir\n"
		if c.says != "" {
			text = c.says
		}
		_, err = io.WriteString(command.Stdout, text)
	case stepDump:
		_, err = io.WriteString(command.Stdout, c.dump)
	case stepServer:
		if _, err = io.Copy(io.Discard, command.Stdin); err == nil {
			_, err = io.WriteString(command.Stdout, "gapless_keys:"+c.read+"\ndb0:keys="+c.loaded+",expires=0\r\ngapless_end:1\n")
		}
	}
	return errors.Join(err, c.fails[stepOf(command.Name)])
}

func newRedisMaker(t *testing.T) (*Maker, *cache) {
	t.Helper()
	m, f := newVolumeMaker(t)
	c := &cache{fileEngine: f, keys: "3", loaded: "3", read: "3", append: "no"}
	m.Engine, m.Service = c, "cache"
	m.Kind = &Redis{Server: func(context.Context) (RedisServer, error) {
		return RedisServer{ContainerID: "c1", ImageID: "sha256:cache", Password: secret}, nil
	}}
	f.users = []User{{Name: "shop-cache-1", Service: "cache", Restart: "always", Running: true, Target: "/data"}}
	write(t, f.root, "dump.rdb", "of today")
	return m, c
}

// TestRedis goes the whole way; with a log, that begins with the dump.
func TestRedis(t *testing.T) {
	for _, log := range []string{"no", "yes"} {
		m, c := newRedisMaker(t)
		c.append = log
		stored := mustCreate(t, m)
		if (&Redis{}).Words(stored.Manifest) != "1 database with 3 keys" {
			t.Errorf("%+v", stored.Manifest)
		}
		m.Run = "0197f2a1b2c3d4e5f7"
		r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
		if err != nil || !r.Loses() || r.Replaced[0].Today() != "Redis cache of today holds 3 keys" {
			t.Fatalf("%v %+v", err, r)
		}
		if err := m.Restore(t.Context(), r, quiet); err != nil {
			t.Fatal(err)
		}
		logged := read(c.root, "appendonlydir/appendonly.aof.1.base.rdb")
		if read(c.root, "dump.rdb") != c.dump || (logged == c.dump) != (log == "yes") || read(c.root, archive.AsidePrefix+m.ID()+"/dump.rdb") != "of today" || read(c.root, "b") != "of then too" {
			t.Errorf("log %s: %q", log, logged)
		}
		if !slices.Equal(c.started, []string{"shop-cache-1 always"}) {
			t.Errorf("started: %q", c.started)
		}
		for _, ran := range c.ran {
			if seen := strings.Join(append(ran.Argv, ran.Env...), " "); strings.Contains(seen, secret) || ran.Join == "c1" && string(ran.Files[redisFile]) != secret {
				t.Errorf("%s: %s", ran.Name, seen)
			}
		}
	}
}

// TestRedisCopyMustBeTheSame: keys that are gone, or that the file has and the copy
// has not, prove nothing; what came and went while it was dumped does not count.
func TestRedisCopyMustBeTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		loaded, read string
		says         string
	}{
		"lost by loading":   {"2", "3", "3 keys are in the file, and 2 were loaded"},
		"lost by dumping":   {"1", "1", "database db0 has 1 keys, and had 3 to 3"},
		"as many as it had": {"3", "3", ""},
	} {
		m, fake := newRedisMaker(t)
		fake.loaded, fake.read = c.loaded, c.read
		err := create(t, m)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before, after := readRedis("total_commands_processed:10\ndb0:keys=5,expires=0\n"), readRedis("total_commands_processed:14\nexpired_keys:1\ndb0:keys=8,expires=0\ndb1:keys=1,expires=1\n")
	bounds := allowed(before, after)
	if pair := bounds["db0"].([]any); pair[0] != 0.0 || pair[1] != 13.0 {
		t.Errorf("%v", bounds)
	}
	// Later each copy holds what the first one held.
	m, fake := newRedisMaker(t)
	stored := mustCreate(t, m)
	fake.loaded, fake.read = "2", "2"
	var difference *DifferenceError
	if err := m.Verify(t.Context(), stored, nil, quiet); !errors.As(err, &difference) {
		t.Error(err)
	}
}

// TestRedisThatDoesNotAnswer says what it wants.
func TestRedisThatDoesNotAnswer(t *testing.T) {
	for says, want := range map[string]string{
		"NOAUTH Authentication required.\n": "refuses the password",
		"nothing\n":                         "does not say what it holds",
		"redis_version:7.0.15\nused_memory:1\ngapless_setting:dir\nERR unknown command\n": "CONFIG GET is not allowed",
	} {
		m, c := newRedisMaker(t)
		stored := mustCreate(t, m)
		c.says = says
		if _, err := m.CheckRestore(t.Context(), stored, nil, quiet); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

// TestRedisNeedsRoomOnTheDisk: its dump is written into its container first.
func TestRedisNeedsRoomOnTheDisk(t *testing.T) {
	m, c := newRedisMaker(t)
	c.disk = diskReserve
	var room *RoomError
	if err := create(t, m); !errors.As(err, &room) {
		t.Errorf("%v", err)
	}
}

// TestRedisFiles: an old log is a dump and what follows it, a new one has a list.
func TestRedisFiles(t *testing.T) {
	dump := func(to io.Writer) error { _, err := io.WriteString(to, "rdb"); return err }
	for name, c := range map[string]struct {
		files redisFiles
		want  []string
	}{
		"no log":  {redisFiles{major: 7, dump: "dump.rdb", log: "a.aof", logs: "logs"}, []string{"dump.rdb"}},
		"old log": {redisFiles{major: 6, append: true, dump: "dump.rdb", log: "a.aof"}, []string{"a.aof", "dump.rdb"}},
		"new log": {redisFiles{major: 7, append: true, dump: "z.rdb", log: "a.aof", logs: "logs"}, []string{"logs/", "logs/a.aof.1.base.rdb", "logs/a.aof.manifest", "z.rdb"}},
	} {
		parts := c.files.parts(dump, 3)
		var names []string
		for _, part := range parts {
			names = append(names, part.Path)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: %q", name, names)
		}
		var b bytes.Buffer
		into := t.TempDir()
		if err := errors.Join(archive.Pack(&b, parts, os.Geteuid(), os.Getegid()), archive.Extract(&b, into)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if list := read(into, "logs/a.aof.manifest"); name == "new log" && list != "file a.aof.1.base.rdb seq 1 type b\n" {
			t.Errorf("%q", list)
		}
	}
}

// TestOldManifestsArePostgres: there was but one kind then.
func TestOldManifestsArePostgres(t *testing.T) {
	m, _ := newMaker(t)
	stored := mustCreate(t, m)
	stored.Kind = ""
	if err := save(stored.Directory, stored.Manifest); err != nil {
		t.Fatal(err)
	}
	old, err := m.Store.Find("db")
	if err != nil || KindOf(old.Manifest).Kind() != KindPostgres || m.Verify(t.Context(), old, nil, quiet) != nil {
		t.Errorf("%v %+v", err, old.Manifest)
	}
	stored.Kind = "mysql"
	if err := save(stored.Directory, stored.Manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(stored.Directory)); !errors.Is(err, errUnknownKind) {
		t.Error(err)
	}
}
