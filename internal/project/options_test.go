package project

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var resolveFiles = map[string]string{
	"compose.yaml":          "services: {web: {image: \"shop:${TAG:-none}\"}, debug: {image: \"d:1\", profiles: [debug]}}\n",
	"compose.override.yaml": "services: {web: {command: [override]}}\n",
	"other.yml":             "services: {other: {image: \"o:${TAG:-none}\"}}\n",
	"prod.env":              "TAG=prod\n",
	".env":                  "TAG=dotenv\n",
}

// TestResolve covers the ways in which `docker compose` finds its files, names
// and variables.
func TestResolve(t *testing.T) {
	tests := []struct {
		name    string
		options func(directory string) Options
		project string
		images  []string
	}{
		{"default names and override", func(directory string) Options {
			return Options{ProjectDirectory: directory}
		}, "shop", []string{"shop:dotenv"}},
		{"environment wins over .env", func(directory string) Options {
			return Options{ProjectDirectory: directory, Environ: []string{"TAG=env"}}
		}, "shop", []string{"shop:env"}},
		{"env file replaces .env", func(directory string) Options {
			return Options{ProjectDirectory: directory, EnvFiles: []string{filepath.Join(directory, "prod.env")}}
		}, "shop", []string{"shop:prod"}},
		{"COMPOSE_ENV_FILES", func(directory string) Options {
			return Options{ProjectDirectory: directory, Environ: []string{"COMPOSE_ENV_FILES=" + filepath.Join(directory, "prod.env")}}
		}, "shop", []string{"shop:prod"}},
		{"COMPOSE_DISABLE_ENV_FILE", func(directory string) Options {
			return Options{ProjectDirectory: directory, Environ: []string{"COMPOSE_DISABLE_ENV_FILE=1"}}
		}, "shop", []string{"shop:none"}},
		{"COMPOSE_FILE with a separator", func(directory string) Options {
			return Options{Environ: []string{"COMPOSE_PATH_SEPARATOR=,", "COMPOSE_FILE=" + directory + "/compose.yaml," + directory + "/other.yml"}}
		}, "shop", []string{"o:dotenv", "shop:dotenv"}},
		{"-f wins over COMPOSE_FILE", func(directory string) Options {
			return Options{Files: []string{directory + "/other.yml"}, Environ: []string{"COMPOSE_FILE=" + directory + "/compose.yaml"}}
		}, "shop", []string{"o:dotenv"}},
		{"profiles", func(directory string) Options {
			return Options{ProjectDirectory: directory, Profiles: []string{"debug"}}
		}, "shop", []string{"d:1", "shop:dotenv"}},
		{"COMPOSE_PROFILES", func(directory string) Options {
			return Options{ProjectDirectory: directory, Environ: []string{"COMPOSE_PROFILES=debug"}}
		}, "shop", []string{"d:1", "shop:dotenv"}},
		{"COMPOSE_PROJECT_NAME", func(directory string) Options {
			return Options{ProjectDirectory: directory, Environ: []string{"COMPOSE_PROJECT_NAME=named"}}
		}, "named", []string{"shop:dotenv"}},
		{"-p wins", func(directory string) Options {
			return Options{ProjectDirectory: directory, ProjectName: "flag", Environ: []string{"COMPOSE_PROJECT_NAME=named"}}
		}, "flag", []string{"shop:dotenv"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			options := test.options(writeFiles(t, resolveFiles))
			if options.Environ == nil {
				options.Environ = []string{}
			}
			loaded, err := Load(context.Background(), options)
			if err != nil {
				t.Fatal(err)
			}
			var images []string
			for _, service := range loaded.Services {
				images = append(images, service.Image)
			}
			if diff := cmp.Diff(test.images, images); diff != "" || loaded.Name != test.project {
				t.Errorf("project %s, images:\n%s", loaded.Name, diff)
			}
		})
	}
}

func TestLabelsAreThoseOfCompose(t *testing.T) {
	directory := writeFiles(t, resolveFiles)
	environment := filepath.Join(directory, "prod.env")
	loaded, err := Load(context.Background(), Options{ProjectDirectory: directory, EnvFiles: []string{environment}, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"com.docker.compose.project":                  "shop",
		"com.docker.compose.service":                  "web",
		"com.docker.compose.version":                  composeVersion,
		"com.docker.compose.oneoff":                   "False",
		"com.docker.compose.project.working_dir":      directory,
		"com.docker.compose.project.config_files":     directory + "/compose.yaml," + directory + "/compose.override.yaml",
		"com.docker.compose.project.environment_file": environment,
	}
	if diff := cmp.Diff(want, map[string]string(loaded.Compose.Services["web"].CustomLabels)); diff != "" {
		t.Error(diff)
	}
}

func TestNoComposeFile(t *testing.T) {
	directory := writeFiles(t, map[string]string{"readme": ""})
	_, err := Load(context.Background(), Options{ProjectDirectory: directory, Environ: []string{}})
	if !errors.Is(err, ErrNoComposeFile) {
		t.Errorf("got %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	directory := writeFiles(t, resolveFiles)
	for name, options := range map[string]Options{
		"project name":        {ProjectDirectory: directory, ProjectName: "../X Y"},
		"missing -f":          {Files: []string{directory + "/gone.yaml"}},
		"directory as a file": {Files: []string{directory}},
		"missing --env-file":  {ProjectDirectory: directory, EnvFiles: []string{directory + "/gone.env"}},
		"standard input":      {Files: []string{"-"}},
		"remote file":         {Files: []string{"oci://registry.example.com/x"}},
	} {
		options.Environ = []string{}
		_, err := Load(context.Background(), options)
		var input *InputError
		if !errors.As(err, &input) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
