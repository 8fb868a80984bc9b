package project

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadTimeout bounds the loader: the guard refuses what is known to be slow,
// this stops what is not. A host that has much else to do is no reason to fail.
const loadTimeout = 30 * time.Second

// Load reads, checks and resolves a project. Faults of the input are returned
// together as an *InputError; ErrNoComposeFile when there is nothing to read.
func Load(ctx context.Context, options Options) (*Project, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var loaded *Project
	err := guarded(ctx, func() (err error) {
		loaded, err = load(ctx, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return loaded, nil
}

// guarded runs a loader in a goroutine of its own, so that neither a panic nor
// an endless loop in it becomes ours.
func guarded(ctx context.Context, run func() error) error {
	done := make(chan error, 1)
	go func() {
		defer silenceLogs()()
		defer func() {
			if cause := recover(); cause != nil {
				done <- fmt.Errorf("the compose file cannot be read: the loader failed: %v", cause)
			}
		}()
		done <- run()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("read the compose file: %w", ctx.Err())
	}
}

// load does the work of Load in the order of trust: paths, bytes, YAML, our
// own block, Compose's model, meaning.
func load(ctx context.Context, options Options) (*Project, error) {
	composeOptions, envFiles, err := options.composeOptions()
	if err != nil {
		return nil, optionError(err)
	}
	if len(composeOptions.ConfigPaths) == 0 {
		return nil, ErrNoComposeFile
	}
	var faults problems
	sources := readSources(composeOptions, &faults)
	if err := faults.err(); err != nil {
		return nil, err
	}
	index := newSourceIndex(sources)
	check := checker{index: index, faults: &faults, variables: composeOptions.Environment}
	check.raw()
	model, serviceEnvFiles, err := loadModel(ctx, composeOptions, envFiles)
	if err != nil {
		check.loaderError(ctx, options, err)
		return nil, faults.err()
	}
	loaded := &Project{
		Name: model.Name, Directory: model.WorkingDir, Files: model.ComposeFiles, EnvFiles: envFiles,
		Compose: model, Compatibility: isCompatibility(composeOptions.Environment), sources: sources,
		serviceEnvFiles: serviceEnvFiles,
	}
	check.settings(loaded)
	check.meaning(loaded)
	if err := faults.err(); err != nil {
		return nil, err
	}
	check.warn(loaded)
	loaded.Findings = check.risks.findings()
	return loaded, nil
}

func isCompatibility(variables types.Mapping) bool {
	enabled, _ := strconv.ParseBool(variables["COMPOSE_COMPATIBILITY"])
	return enabled
}

// loadModel ends with the project that `docker compose up` works on: services
// of inactive profiles and resources that nobody uses are gone, environment
// files are resolved into the environment. They are returned by service.
func loadModel(ctx context.Context, options *cli.ProjectOptions, envFiles []string) (*types.Project, map[string][]string, error) {
	registerRawFormat()
	model, err := options.LoadProject(ctx)
	if err != nil {
		return nil, nil, err
	}
	addComposeLabels(model, envFiles)
	files := envFilesOf(model)
	model, err = model.WithoutUnnecessaryResources().WithServicesEnvironmentResolved(true)
	return model, files, err
}

// composeVersion is the version of the Compose SDK that creates the containers.
const composeVersion = "5.6.0"

// addComposeLabels sets the labels that make `docker compose ps, logs, exec`
// recognise the containers as their own. They are not part of the hash.
func addComposeLabels(model *types.Project, envFiles []string) {
	for name, service := range model.Services {
		service.CustomLabels = types.Labels{
			"com.docker.compose.project":              model.Name,
			"com.docker.compose.service":              name,
			"com.docker.compose.version":              composeVersion,
			"com.docker.compose.project.working_dir":  model.WorkingDir,
			"com.docker.compose.project.config_files": strings.Join(model.ComposeFiles, ","),
			"com.docker.compose.oneoff":               "False",
		}
		if len(envFiles) > 0 {
			service.CustomLabels["com.docker.compose.project.environment_file"] = strings.Join(envFiles, ",")
		}
		model.Services[name] = service
	}
}

// registerRawFormat teaches the env_file reader `format: raw`, in which values
// are taken as they are, as `docker run --env-file` does.
var registerRawFormat = sync.OnceFunc(func() {
	dotenv.RegisterFormat("raw", readRawEnvFile)
})

// optionError turns the errors of file and name resolution into problems.
func optionError(err error) error {
	var faults problems
	hint := "check -f, --env-file, --project-directory and COMPOSE_FILE"
	if errors.Is(err, ErrRemoteInclude) {
		hint = "clone the repository and use the local file"
	}
	if strings.Contains(err.Error(), "project name") {
		hint = "a project name matches [a-z0-9][a-z0-9_-]*"
	}
	faults.add(position{}, "", hint, "%s", err)
	return faults.err()
}

func absolute(directory, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(directory, path)
}
