package backup

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"

	"gapless/internal/backup/archive"
)

// Redis is the kind of a Redis or Valkey: all its databases, as one RDB file.
type Redis struct {
	// Server finds the server that runs, and how to get into it.
	Server func(ctx context.Context) (RedisServer, error)
}

// RedisServer is a Redis in a container.
type RedisServer struct {
	ContainerID string
	ImageID     string
	Port        string
	Password    string // empty: none is known
}

// Kind implements Kind.
func (*Redis) Kind() string { return KindRedis }

// Words implements Kind.
func (*Redis) Words(manifest Manifest) string {
	databases, keys := 0, int64(0)
	for _, d := range manifest.Databases {
		databases += len(d.Tables)
		keys += d.Rows()
	}
	return counts(databases, "database") + " with " + counts(keys, "key")
}

// redisFile is where the tools find the password: in no argument and in nothing
// that docker inspect shows.
const redisFile = "/.gapless-redis"

// redisTools begins the scripts: the tools have other names in a Valkey.
const redisTools = `set -eu
umask 077
cli=redis-cli server=redis-server check=redis-check-rdb
command -v redis-cli >/dev/null 2>&1 || { cli=valkey-cli; server=valkey-server; check=valkey-check-rdb; }
auth=${GAPLESS_AUTH_FILE:-}
if [ -n "$auth" ] && [ -f "$auth" ]; then REDISCLI_AUTH=$(cat "$auth"); export REDISCLI_AUTH; fi
`

// redisFacts asks a server about itself. A setting that may not be asked for is
// left out.
const redisFacts = redisTools + `ask() { "$cli" -h 127.0.0.1 -p "$PORT" "$@"; }
ask INFO
for name in databases dir dbfilename appendonly appendfilename appenddirname; do
	echo "gapless_setting:$name"
	ask CONFIG GET "$name"
done
`

// redisDump gets what a replica would get. The tool keeps the mark behind a dump
// of unknown length to itself only where it writes a file.
const redisDump = redisTools + `"$cli" -h 127.0.0.1 -p "$PORT" --rdb /tmp/gapless.rdb >/tmp/gapless.log 2>&1 || { tail -n 3 /tmp/gapless.log >&2; exit 1; }
cat /tmp/gapless.rdb
`

// redisProof reads a dump to its end and loads it into a server of its own. That
// is a replica of nobody, so that it forgets no key whose time has come.
const redisProof = redisTools + `mkdir -p "$SCRATCH"
cd "$SCRATCH"
cat >dump.rdb
"$check" dump.rdb >check.log 2>&1 || { sed -n '/ERROR DETECTED/{n;p;q;}' check.log >&2; exit 65; }
sed -n 's/^.*\[info\] \([0-9]*\) keys read.*$/gapless_keys:\1/p' check.log
"$server" --dir "$SCRATCH" --dbfilename dump.rdb --appendonly no --save '' --port 0 --unixsocket "$SCRATCH/s" --databases "$DATABASES" --replicaof 127.0.0.1 1 >server.log 2>&1 &
pid=$!
until [ "$("$cli" -s "$SCRATCH/s" ping 2>/dev/null || true)" = PONG ]; do
	kill -0 "$pid" 2>/dev/null || { tail -n 3 server.log >&2; exit 66; }
	sleep 0.1
done
"$cli" -s "$SCRATCH/s" INFO keyspace
echo gapless_end:1
kill "$pid"
`

// command runs a script in the image of a server; with the container's ID beside
// it, on its network.
func (s RedisServer) command(m *Maker, step, script string, env ...string) Command {
	c := Command{Name: m.prefix() + step, Run: m.Run, ImageID: s.ImageID, User: "0:0", Join: s.ContainerID, Argv: []string{"/bin/sh", "-c", script},
		Env: append(env, "PORT="+cmp.Or(s.Port, "6379"), "HOME=/tmp", "LC_ALL=C", "SCRATCH=/tmp/gapless-scratch")}
	if s.Password != "" && s.ContainerID != "" {
		c.Files = map[string][]byte{redisFile: []byte(s.Password)}
		c.Env = append(c.Env, "GAPLESS_AUTH_FILE="+redisFile)
	}
	return c
}

// redisState is what a server says of itself.
type redisState struct {
	values map[string]string
	keys   map[string]int64 // by database
}

// readRedis reads INFO, and settings as two lines each.
func readRedis(text string) redisState {
	state := redisState{values: map[string]string{}, keys: map[string]int64{}}
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	for i, line := range lines {
		name, value, is := strings.Cut(line, ":")
		switch {
		case name == "gapless_setting":
			if i+2 < len(lines) && lines[i+1] == value {
				state.values["config "+value] = lines[i+2]
			}
		case is && isDatabase(name) && strings.HasPrefix(value, "keys="):
			number, _, _ := strings.Cut(strings.TrimPrefix(value, "keys="), ",")
			state.keys[name], _ = strconv.ParseInt(number, 10, 64)
		case is && (i == 0 || !strings.HasPrefix(lines[i-1], "gapless_setting:")):
			state.values[name] = value
		}
	}
	return state
}

func isDatabase(name string) bool {
	number, is := strings.CutPrefix(name, "db")
	_, err := strconv.Atoi(number)
	return is && err == nil
}

func (s redisState) number(name string) int64 {
	number, _ := strconv.ParseInt(s.values[name], 10, 64)
	return number
}

func (s redisState) setting(name string) string { return s.values["config "+name] }

// major is the version that counts for files.
func (s redisState) major() int {
	number, _, _ := strings.Cut(s.values["redis_version"], ".")
	major, _ := strconv.Atoi(number)
	return major
}

// ask gets the state of the server.
func (r *Redis) ask(ctx context.Context, m *Maker, server RedisServer) (redisState, error) {
	var said strings.Builder
	command := server.command(m, stepAsk, redisFacts)
	command.Stdout = &said
	if err := m.Engine.Run(ctx, command); err != nil {
		return redisState{}, fmt.Errorf("ask %s: %w", m.Service, err)
	}
	state := readRedis(said.String())
	if state.values["redis_version"] == "" {
		return state, &RedisAnswerError{Service: m.Service, Authentication: strings.Contains(said.String(), "NOAUTH") || strings.Contains(said.String(), "WRONGPASS"), Known: server.Password != ""}
	}
	return state, nil
}

// RedisAnswerError says that a server does not tell what it holds.
type RedisAnswerError struct {
	Service        string
	Authentication bool
	Known          bool // a password was found
}

func (e *RedisAnswerError) Error() string {
	switch {
	case e.Authentication && e.Known:
		return e.Service + " refuses the password that its command, its environment or its configuration file names"
	case e.Authentication:
		return e.Service + " wants a password, and none was found in its command, its environment or its configuration file"
	}
	return e.Service + " does not say what it holds (INFO)"
}

// Hint tells what to do about it.
func (e *RedisAnswerError) Hint() string {
	return "the password is looked for in --requirepass, in requirepass of the configuration file, and in REDIS_PASSWORD or REDIS_PASSWORD_FILE"
}

func (r *Redis) dump(ctx context.Context, m *Maker, directory string, manifest *Manifest, say func(string)) error {
	server, err := r.Server(ctx)
	if err != nil {
		return err
	}
	before, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	if err := r.room(ctx, m, before.number("used_memory")); err != nil {
		return err
	}
	d := Database{Name: m.Service, File: "1.dump", Sealed: m.seal != nil, Size: before.number("used_memory")}
	if d.Sealed {
		d.File += ".age"
	}
	file, err := createDump(filepath.Join(directory, d.File), m.seal)
	if err != nil {
		return err
	}
	last, _ := m.newest()
	command := server.command(m, stepDump, redisDump)
	command.Stdout = file
	err = telling(ctx, say, m.Service, last.dumpBytes(), file.count.Load, func() error { return m.Engine.Run(ctx, command) })
	stored, plain, closeErr := file.finish()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("dump of %s: %w", m.Service, err)
	}
	after, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	d.Stored, d.Plain = stored, plain
	d.Properties = map[string]any{"databases": cmp.Or(before.setting("databases"), "16"), "allowed": allowed(before, after)}
	manifest.ImageID, manifest.Server, manifest.Major = server.ImageID, "Redis "+before.values["redis_version"], before.major()
	manifest.Databases = []Database{d}
	return nil
}

// room refuses a proof whose keys would not fit into memory beside what runs: the
// size is what the server uses now.
func (r *Redis) room(ctx context.Context, m *Maker, size int64) error {
	memory, disk := m.Engine.Room(ctx)
	if memory > 0 && size+scratchBase/2 > memory {
		return &RoomError{Needs: size + scratchBase/2, Memory: memory, Disk: disk}
	}
	return nil
}

// allowed is how many keys each database of the dump may hold, from and to. Its
// moment is between two looks: what came and went meanwhile is no more than the
// commands, and the keys whose time had come.
func allowed(before, after redisState) map[string]any {
	moved := int64(0)
	for _, counter := range []string{"total_commands_processed", "expired_keys", "evicted_keys"} {
		moved += max(after.number(counter)-before.number(counter), 0)
	}
	bounds := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(joined(before.keys, after.keys))) {
		from, to := min(before.keys[name], after.keys[name]), max(before.keys[name], after.keys[name])
		bounds[name] = []any{float64(max(from-moved, 0)), float64(to + moved)}
	}
	return bounds
}

func joined(a, b map[string]int64) map[string]int64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (r *Redis) proofImage(ctx context.Context, m *Maker, manifest Manifest) (string, error) {
	if has, err := m.Engine.HasImage(ctx, manifest.ImageID); has || err != nil {
		return manifest.ImageID, err
	}
	server, err := r.Server(ctx)
	if err != nil {
		return "", fmt.Errorf("the image that the backup was made with is gone: %w", err)
	}
	return server.ImageID, nil
}

func (r *Redis) prove(ctx context.Context, m *Maker, directory, imageID string, manifest *Manifest, identities []age.Identity, say func(string)) error {
	d := &manifest.Databases[0]
	if err := r.room(ctx, m, d.Size); err != nil {
		return err
	}
	reader, err := openDump(ctx, filepath.Join(directory, d.File), *d, identities)
	if err != nil {
		return err
	}
	var said strings.Builder
	databases, _ := d.Properties["databases"].(string)
	command := RedisServer{ImageID: imageID}.command(m, stepServer, redisProof, "DATABASES="+databases)
	command.Stdin, command.Stdout, command.Light = reader, &said, true
	err = telling(ctx, say, "restore "+d.Name, d.Plain.Bytes, reader.count.Load, func() error { return m.Engine.Run(ctx, command) })
	if err := firstCause(reader.close(), err); err != nil {
		return fmt.Errorf("throwaway server: %w", err)
	}
	state := readRedis(said.String())
	if state.values["gapless_end"] == "" {
		return fmt.Errorf("throwaway server: %w", errEndedEarly)
	}
	return compareKeys(d, state)
}

// compareKeys holds a loaded copy against what a reader of the file has counted,
// and against what the server held; later against what the first copy held.
func compareKeys(d *Database, state redisState) error {
	total := int64(0)
	for _, count := range state.keys {
		total += count
	}
	if read, is := state.values["gapless_keys"]; is && state.number("gapless_keys") != total {
		return &DifferenceError{Database: d.Name, Differences: []string{fmt.Sprintf("%s keys are in the file, and %d were loaded", read, total)}}
	}
	if d.Tables != nil {
		if found := compareCounts("database", "keys", d.Tables, state.keys); len(found) > 0 {
			return &DifferenceError{Database: d.Name, Differences: found}
		}
		return nil
	}
	var found []string
	bounds, _ := d.Properties["allowed"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		pair, _ := bounds[name].([]any)
		if len(pair) != 2 {
			continue
		}
		from, _ := pair[0].(float64)
		to, _ := pair[1].(float64)
		if has := float64(state.keys[name]); has < from || has > to {
			found = append(found, fmt.Sprintf("database %s has %.0f keys, and had %.0f to %.0f", name, has, from, to))
		}
	}
	if len(found) > 0 {
		return &DifferenceError{Database: d.Name, Differences: found}
	}
	delete(d.Properties, "allowed")
	d.Tables = state.keys
	return nil
}

func (r *Redis) check(ctx context.Context, m *Maker, restoration *Restoration, say func(string)) error {
	server, err := r.Server(ctx)
	if err != nil {
		return err
	}
	state, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	mark, err := r.mark(ctx, m, server, state)
	if err != nil {
		return err
	}
	users, err := m.usersOf(ctx, mark.Place)
	if err != nil {
		return err
	}
	// The image of today has to read it: one of an older version may not.
	if err := r.prove(ctx, m, restoration.Directory, server.ImageID, &restoration.Manifest, restoration.identities, say); err != nil {
		return m.note(restoration.Stored, err)
	}
	if err := m.room(ctx, 2*restoration.dumpBytes()); err != nil {
		return err
	}
	keys := int64(0)
	for _, count := range state.keys {
		keys += count
	}
	restoration.files = mark
	restoration.server = redisFiles{major: state.major(), append: state.setting("appendonly") == "yes", dump: state.setting("dbfilename"),
		log: state.setting("appendfilename"), logs: state.setting("appenddirname")}
	restoration.Replaced = []Replaced{m.aside("Redis", mark, users, keys > 0, counts(keys, "key"))}
	return nil
}

// mark says where the server of today keeps its data.
func (r *Redis) mark(ctx context.Context, m *Maker, server RedisServer, state redisState) (*filesMark, error) {
	directory, dump := state.setting("dir"), state.setting("dbfilename")
	if directory == "" || dump == "" {
		return nil, fmt.Errorf("%s does not say where it keeps its data: CONFIG GET is not allowed", m.Service)
	}
	for _, name := range []string{dump, state.setting("appendfilename"), state.setting("appenddirname")} {
		if strings.ContainsRune(name, '/') {
			return nil, fmt.Errorf("%s keeps its data in %q, which is not in its own directory", m.Service, name)
		}
	}
	place, mounted, err := m.Keeper.PlaceOf(ctx, server.ContainerID, directory)
	if err != nil {
		return nil, err
	}
	if !mounted {
		return nil, fmt.Errorf("%s keeps its data in %s, which is in its container alone and goes with it: mount a volume there first", m.Service, directory)
	}
	names := slices.DeleteFunc([]string{dump, state.setting("appendfilename"), state.setting("appenddirname")}, func(name string) bool { return name == "" })
	return &filesMark{ID: m.ID(), Name: m.Service, Place: place, Names: names}, nil
}

// redisFiles is how a server keeps its data.
type redisFiles struct {
	major           int
	append          bool   // it also writes a log, which wins over the dump at its start
	dump, log, logs string // names
}

// parts are the files of a server that shall hold a dump. Where there is a log, it
// begins with the dump: else the server would start with what the log says, or
// with nothing.
func (f redisFiles) parts(dump func(io.Writer) error, size int64) []archive.Part {
	parts := []archive.Part{{Path: f.dump, Content: dump, Size: size}}
	base := f.log + ".1.base.rdb"
	manifest := "file " + base + " seq 1 type b\n"
	write := func(to io.Writer) error { _, err := io.WriteString(to, manifest); return err }
	switch {
	case !f.append || f.log == "":
	case f.major >= 7 && f.logs != "":
		parts = append(parts, archive.Part{Path: f.logs + "/"}, archive.Part{Path: f.logs + "/" + base, Content: dump, Size: size},
			archive.Part{Path: f.logs + "/" + f.log + ".manifest", Content: write, Size: int64(len(manifest))})
	default:
		parts = append(parts, archive.Part{Path: f.log, Content: dump, Size: size})
	}
	slices.SortFunc(parts, func(a, b archive.Part) int {
		return slices.Compare(strings.Split(strings.TrimSuffix(a.Path, "/"), "/"), strings.Split(strings.TrimSuffix(b.Path, "/"), "/"))
	})
	return parts
}

func (r *Redis) restore(ctx context.Context, m *Maker, restoration *Restoration, say func(string)) error {
	d := restoration.Databases[0]
	today, err := m.held(ctx, restoration.files.Place)
	if err != nil {
		return err
	}
	parts := restoration.server.parts(dumpTo(ctx, restoration.Directory, d, restoration.identities), d.Plain.Bytes)
	source := func(to io.Writer) error { return archive.Pack(to, parts, today.UID, today.GID) }
	compare := func(got io.Reader) error { return comparePacked(m.Service, d, restoration.server, got) }
	return m.restoreFiles(ctx, restoration.files, 2*d.Plain.Bytes, source, compare, say)
}

// comparePacked looks for the checksum of the dump in the list of what was filled.
func comparePacked(name string, d Database, files redisFiles, got io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(got, 1<<20))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		if archive.PathOf(line) == files.dump && strings.Contains(line, " "+d.Plain.SHA256) {
			return nil
		}
	}
	return &DifferenceError{Database: name, Differences: []string{files.dump + " on the disk is not the dump"}}
}

func (*Redis) sweep(ctx context.Context, m *Maker) error { return m.sweepFiles(ctx) }
