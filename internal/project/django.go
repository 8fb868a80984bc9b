package project

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

const managePy = "manage.py"

// pythonWord finds the interpreter in a command or a Dockerfile; pythonTool
// what tells that an image runs Python at all.
var (
	pythonWord = regexp.MustCompile(`(?:^|[\s"',;&|(\[])((?:/[\w.-]+)*/?python3?(?:\.\d+)?)(?:$|[\s"',;&|)\]])`)
	pythonTool = regexp.MustCompile(`(?i)\b(python|pip|uv|poetry|pipenv|gunicorn|uvicorn|hypercorn|granian|daphne|uwsgi|celery|django|manage\.py)`)
	manageWord = regexp.MustCompile(`(?:^|[\s"',;&|(])([\w./-]*manage\.py)\b`)
	// environmentRunner are tools that give a command its virtual environment.
	environmentRunner = regexp.MustCompile(`(?:^|[\s"';&|(])((?:uv|poetry|pipenv) run) `)
)

// findDjango looks for a manage.py of Django where the source of the service
// is, or in its commands.
func findDjango(p *Project, service Service, images map[string]string) frameworkFacts {
	config := p.Compose.Services[service.Name]
	lines := commandLines(p, service, images)
	dockerfile := dockerfileOf(config.Build)
	facts := frameworkFacts{framework: FrameworkDjango}
	manage := ""
	for _, line := range lines {
		if match := manageWord.FindStringSubmatch(line); match != nil {
			manage, facts.reason = match[1], "its command runs "+managePy
			break
		}
	}
	evident := manage != "" || pythonTool.MatchString(strings.Join(lines, "\n")+"\n"+dockerfile)
	for _, directory := range codeDirectories(config) {
		if relative, found := findBelow(directory, managePy, "django"); found && evident {
			facts.reason = relative + " is Django's"
			if manage == "" {
				manage = manageInImage(relative, config, dockerfile)
			}
			break
		}
	}
	if manage == "" {
		return frameworkFacts{}
	}
	facts.command = append(interpreter(lines, dockerfile), manage)
	return facts
}

// interpreter is how the service starts Python itself.
func interpreter(lines []string, dockerfile string) []string {
	var words []string
	for _, line := range lines {
		if match := environmentRunner.FindStringSubmatch(line); match != nil {
			words = strings.Fields(match[1])
			break
		}
	}
	for _, text := range append(slices.Clone(lines), dockerfile) {
		if match := pythonWord.FindStringSubmatch(text); match != nil {
			return append(words, match[1])
		}
	}
	return append(words, "python3")
}

// manageInImage is the path of manage.py from the directory in which the
// service's commands start. A directory that the Dockerfile copies as a whole,
// or works in, does not appear in it.
func manageInImage(relative string, config types.ServiceConfig, dockerfile string) string {
	folder := filepath.Dir(relative)
	if folder == "." {
		return managePy
	}
	copied := regexp.MustCompile(`(?im)^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*(?:\./)?` + regexp.QuoteMeta(folder) + `/?\s`)
	works := regexp.MustCompile(`(?im)^\s*WORKDIR\s+\S*\b` + regexp.QuoteMeta(folder) + `/?\s*$`)
	if copied.MatchString(dockerfile) || works.MatchString(dockerfile) || filepath.Base(config.WorkingDir) == folder {
		return managePy
	}
	return relative
}

// djangoOnly runs migrations one after the other. It leaves out those that have run
// meanwhile: to migrate to one of these would undo the ones after it.
func djangoOnly(migrations []string) []string {
	names, _ := json.Marshal(migrations) // strings alone: it cannot fail, and Python reads it
	return []string{"shell", "-c", `
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

for name in ` + string(names) + `:
    app, _, migration = name.partition("/")
    if (app, migration) not in MigrationRecorder(connection).applied_migrations():
        call_command("migrate", app, migration, interactive=False)
`}
}
