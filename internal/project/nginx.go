package project

import (
	"path"
	"slices"
	"strings"
)

// NginxCall is how nginx is called in a container.
type NginxCall struct {
	// Argv is the program with the options that say which files it reads.
	Argv []string
	// Arguments are what the entrypoint is to be given to call it in the same way.
	Arguments []string
}

// FindNginx finds the call of nginx in what starts a container. There is none
// where a shell or a program calls nginx, which may write its files before.
func FindNginx(entrypoint, command []string) (call NginxCall, found bool) {
	words := slices.Concat(entrypoint, command)
	for i, word := range words {
		switch path.Base(word) {
		case "nginx", "nginx-debug", "openresty", "angie":
			call.Argv = append([]string{word}, nginxOptions(words[i+1:])...)
			call.Arguments = call.Argv
			if i < len(entrypoint) {
				call.Arguments = nginxOptions(command)
			}
			return call, true
		}
	}
	return NginxCall{}, false
}

// nginxOptions keeps the options with a value: the configuration, the prefix,
// the error log and the directives of the command line. That it shall stay in
// the foreground is no matter of a test or a reload.
func nginxOptions(words []string) []string {
	var kept []string
	for i := 0; i < len(words); i++ {
		if len(words[i]) < 2 || words[i][0] != '-' || !strings.ContainsRune("cpeg", rune(words[i][1])) {
			continue
		}
		option, value := words[i][:2], words[i][2:]
		if value == "" && i+1 < len(words) {
			i++
			value = words[i]
		}
		if option != "-g" || strings.Trim(value, "; ") != "daemon off" {
			kept = append(kept, option, value)
		}
	}
	return kept
}

// startDirectories hold what the entrypoint of nginx's image works on when a
// container starts, and nginx itself never reads.
var startDirectories = []string{"/etc/nginx/templates", "/docker-entrypoint.d", "/docker-entrypoint.sh"}

// NginxReads tells whether a mounted file takes effect by a reload.
func NginxReads(target string) bool {
	return !slices.ContainsFunc(startDirectories, func(directory string) bool {
		return target == directory || strings.HasPrefix(target, directory+"/")
	})
}
