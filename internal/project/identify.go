package project

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"

	"github.com/compose-spec/compose-go/v2/loader"
)

// Identify finds the name and the directory of a project whose compose files
// need not be readable, in the order in which Compose looks for its name.
func Identify(options Options) (name, directory string) {
	variables := options.environment()
	var files []string
	if resolved, _, err := options.composeOptions(); err == nil {
		variables, files = resolved.Environment, resolved.ConfigPaths
		directory, _ = resolved.GetWorkingDir()
	}
	if directory == "" {
		directory, _ = filepath.Abs(options.ProjectDirectory)
	}
	name = cmp.Or(options.ProjectName, variables["COMPOSE_PROJECT_NAME"], nameIn(files),
		loader.NormalizeProjectName(filepath.Base(directory)))
	return name, directory
}

// FilesOf lists the absolute compose files that the options lead to, readable
// or not; none if there are none.
func FilesOf(options Options) []string {
	resolved, _, err := options.composeOptions()
	if err != nil {
		return nil
	}
	var files []string
	for _, file := range resolved.ConfigPaths {
		if path, err := filepath.Abs(file); err == nil && file != "-" {
			files = append(files, path)
		}
	}
	return files
}

// nameLine is how a compose file names its project, in the plain form.
var nameLine = regexp.MustCompile(`(?m)^name:[ \t]*["']?([a-z0-9][a-z0-9_-]*)["']?[ \t\r]*(?:#.*)?$`)

// nameIn is the name that the last of the files gives.
func nameIn(files []string) (name string) {
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || len(content) > maxFileBytes {
			continue
		}
		if found := nameLine.FindSubmatch(content); found != nil {
			name = string(found[1])
		}
	}
	return name
}
