package engine

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// RedisServer is the Redis of a container that runs.
type RedisServer struct {
	ContainerID string
	ImageID     string
	Port        string
	Password    string // empty: none was found
}

// redisFileBytes bounds a configuration file: the one that comes with Redis has
// more than 100 KiB of comments.
const redisFileBytes = 1 << 20

// Redis finds out how to get into a Redis, by the command, the configuration file
// and the environment of its container.
func (w *Workbench) Redis(ctx context.Context, name string) (RedisServer, error) {
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return RedisServer{}, err
	}
	server := RedisServer{ContainerID: found.ID, ImageID: found.Image}
	settings := redisSettings(found)
	if file := settings["file"]; file != "" {
		if content, err := w.engine.readFileOf(ctx, found.ID, file, redisFileBytes); err == nil {
			for name, value := range redisConfiguration(string(content)) {
				settings[name] = cmp.Or(settings[name], value)
			}
		}
	}
	server.Port, server.Password = cmp.Or(settings["port"], environmentOf(found, "REDIS_PORT_NUMBER"), "6379"), settings["requirepass"]
	for _, variable := range []string{"REDIS_PASSWORD", "VALKEY_PASSWORD", "REDISCLI_AUTH"} {
		if server.Password == "" {
			if server.Password, err = w.engine.given(ctx, found, variable); err != nil {
				return RedisServer{}, err
			}
		}
	}
	return server, nil
}

// redisSettings reads a command such as redis-server FILE --requirepass SECRET, also
// where a shell runs it. Variables are those of the container.
func redisSettings(c container.InspectResponse) map[string]string {
	settings := map[string]string{}
	if c.Config == nil {
		return settings
	}
	var words []string
	for _, argument := range slices.Concat([]string(c.Config.Entrypoint), []string(c.Config.Cmd)) {
		if strings.Contains(argument, "redis-server ") || strings.Contains(argument, "valkey-server ") {
			for _, word := range strings.Fields(argument) {
				words = append(words, expanded(c, strings.Trim(word, `"'`)))
			}
			continue
		}
		words = append(words, argument)
	}
	for i, word := range words {
		if i > 0 && strings.HasSuffix(words[i-1], "-server") && strings.HasPrefix(word, "/") {
			settings["file"] = path.Clean(word)
		}
		if option, is := strings.CutPrefix(word, "--"); is && i+1 < len(words) {
			settings[strings.ToLower(option)] = words[i+1]
		}
	}
	return settings
}

// expanded puts in variables that make up a whole word.
func expanded(c container.InspectResponse, word string) string {
	name, is := strings.CutPrefix(word, "$")
	if !is {
		return word
	}
	return environmentOf(c, strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}"))
}

// redisConfiguration reads the lines of a configuration file that say how to get
// in.
func redisConfiguration(content string) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 2 && (fields[0] == "requirepass" || fields[0] == "port") {
			settings[fields[0]] = strings.Trim(fields[1], `"'`)
		}
	}
	return settings
}
