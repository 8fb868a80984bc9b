package project

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Framework is what an application is written with, as far as that tells which
// commands belong to an update of it.
type Framework string

// The frameworks that are known.
const (
	FrameworkNone   Framework = ""
	FrameworkDjango Framework = "django"
)

// frameworkFacts is what was found out about a service's framework.
type frameworkFacts struct {
	framework Framework
	reason    string
	command   []string
}

// frameworkCommands are the commands of one framework, without its beginning.
type frameworkCommands struct {
	checks  [][]string
	migrate []string
	only    func(migrations []string) []string // runs these and no others, unless they have run
	pending []string
	static  []string
}

// knownCommands has a row for each framework.
var knownCommands = map[Framework]frameworkCommands{
	FrameworkDjango: {
		checks:  [][]string{{"check", "--deploy"}, {"makemigrations", "--check", "--dry-run"}},
		migrate: []string{"migrate", "--noinput"},
		only:    djangoOnly,
		pending: []string{"migrate", "--plan"},
		static:  []string{"collectstatic", "--noinput"},
	},
}

// assignFrameworks finds out what each service is written with. Services that
// run the same image are written with the same.
func assignFrameworks(p *Project) {
	found := map[string]frameworkFacts{}
	images := imageKeys(p)
	for _, service := range p.Services {
		key := images[service.Name]
		if !runsOwnCode(service) || found[key].framework != FrameworkNone {
			continue
		}
		if facts := findDjango(p, service, images); facts.framework != FrameworkNone {
			found[key] = facts
		}
	}
	for i := range p.Services {
		service := &p.Services[i]
		if facts := found[images[service.Name]]; runsOwnCode(*service) {
			service.Framework, service.FrameworkReason, service.FrameworkCommand = facts.framework, facts.reason, facts.command
		}
	}
}

// runsOwnCode tells an application from a database and a proxy, whose image
// may be built beside it.
func runsOwnCode(service Service) bool {
	return service.Role != RoleFront && service.Role != RoleStateful
}

// imageKeys gives services with the same content the same key: they name the
// same image, or build the same way.
func imageKeys(p *Project) map[string]string {
	builds := map[string]string{} // by image
	keys := map[string]string{}
	for _, service := range p.Services {
		if build := p.Compose.Services[service.Name].Build; build != nil {
			text, err := json.Marshal(build)
			if err != nil {
				text = []byte(service.Name)
			}
			keys[service.Name] = "build " + string(text)
			builds[service.Image] = keys[service.Name]
		}
	}
	for _, service := range p.Services {
		if build, built := builds[service.Image]; built {
			keys[service.Name] = build
		} else if keys[service.Name] == "" {
			keys[service.Name] = "image " + service.Image
		}
	}
	return keys
}

// commandLines are the commands of all services with that content, the
// service's own first.
func commandLines(p *Project, service Service, images map[string]string) []string {
	lines := []string{commandLine(p.Compose.Services[service.Name])}
	for _, other := range p.Services {
		if other.Name != service.Name && images[other.Name] == images[service.Name] {
			lines = append(lines, commandLine(p.Compose.Services[other.Name]))
		}
	}
	return lines
}

func commandLine(config types.ServiceConfig) string {
	return strings.Join(append(slices.Clone([]string(config.Entrypoint)), config.Command...), " ")
}

// codeDirectories are where the source of a service lies on this host: its
// build context, and what is mounted over it.
func codeDirectories(config types.ServiceConfig) []string {
	var directories []string
	if config.Build != nil && config.Build.Context != "" && !isRemote(config.Build.Context) {
		directories = append(directories, config.Build.Context)
	}
	for _, mount := range config.Volumes {
		if mount.Type == types.VolumeTypeBind && mount.Source != "" {
			directories = append(directories, mount.Source)
		}
	}
	return directories
}

// maxCodeEntries bounds how much of a directory is looked at: it is evidence,
// and may be any directory of the host.
const maxCodeEntries = 200

// findBelow looks for a file with that word in it, in a directory and in those
// directly below. It returns its path relative to the directory.
func findBelow(directory, name, word string) (relative string, found bool) {
	candidates := []string{name}
	if opened, err := os.Open(directory); err == nil {
		entries, _ := opened.ReadDir(maxCodeEntries)
		opened.Close()
		for _, entry := range entries {
			if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
				candidates = append(candidates, filepath.Join(entry.Name(), name))
			}
		}
		slices.Sort(candidates[1:])
	}
	for _, candidate := range candidates {
		content, err := readLimited(filepath.Join(directory, candidate), maxDockerfileBytes)
		if err == nil && strings.Contains(strings.ToLower(string(content)), word) {
			return candidate, true
		}
	}
	return "", false
}
