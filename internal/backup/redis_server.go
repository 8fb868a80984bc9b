package backup

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// RedisServer is a Redis in a container.
type RedisServer struct {
	ContainerID string
	ImageID     string
	Port        string
	Password    string // empty: none is known
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
