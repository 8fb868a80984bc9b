package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	composepaths "github.com/compose-spec/compose-go/v2/paths"
)

// Options are the project flags of `docker compose`.
type Options struct {
	Files            []string // -f
	EnvFiles         []string // --env-file
	Profiles         []string // --profile
	ProjectName      string   // -p
	ProjectDirectory string   // --project-directory

	// Environ holds the environment as KEY=value; nil means the process's own.
	Environ []string
}

// ErrNoComposeFile is returned when no compose file was named and none was
// found in the directory or above it.
var ErrNoComposeFile = errors.New("no compose file found: run this in the directory of compose.yaml, or name the file with -f")

// environment returns the variables that Compose would see, without .env.
func (o Options) environment() map[string]string {
	environ := o.Environ
	if environ == nil {
		environ = os.Environ()
	}
	variables := make(map[string]string, len(environ))
	for _, entry := range environ {
		if key, value, found := strings.Cut(entry, "="); found {
			variables[key] = value
		}
	}
	if _, present := variables["PWD"]; !present {
		if directory, err := os.Getwd(); err == nil {
			variables["PWD"] = directory
		}
	}
	return variables
}

// envFiles returns the absolute paths of --env-file, else of COMPOSE_ENV_FILES.
func (o Options) envFiles(variables map[string]string) ([]string, error) {
	files := o.EnvFiles
	if len(files) == 0 {
		files = strings.FieldsFunc(variables["COMPOSE_ENV_FILES"], func(char rune) bool { return char == ',' })
	}
	var absolute []string
	for _, file := range files {
		path, err := filepath.Abs(composepaths.ExpandUser(file))
		if err != nil {
			return nil, err
		}
		absolute = append(absolute, path)
	}
	return absolute, nil
}

// composeOptions resolves files, names and variables with the same options in
// the same order as the `docker compose` command, which is what makes both
// agree on every value.
func (o Options) composeOptions() (*cli.ProjectOptions, []string, error) {
	variables := o.environment()
	envFiles, err := o.envFiles(variables)
	if err != nil {
		return nil, nil, err
	}
	environ := make([]string, 0, len(variables))
	for key, value := range variables {
		environ = append(environ, key+"="+value)
	}
	withEnvFiles := cli.WithEnvFiles(envFiles...)
	if disabled, _ := strconv.ParseBool(variables["COMPOSE_DISABLE_ENV_FILE"]); disabled && len(envFiles) == 0 {
		withEnvFiles = func(*cli.ProjectOptions) error { return nil }
	}
	options, err := cli.NewProjectOptions(o.Files,
		cli.WithoutEnvironmentResolution,
		cli.WithWorkingDirectory(o.ProjectDirectory),
		cli.WithEnv(environ),
		cli.WithResourceLoader(remoteRefusal{}),
		withEnvFiles,
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		withEnvFiles,
		cli.WithDotEnv,
		cli.WithDefaultProfiles(o.Profiles...),
		cli.WithName(o.ProjectName),
	)
	return options, envFiles, err
}

// ErrRemoteInclude is returned for an include or a compose file from git or an
// OCI registry: what runs in production is decided by files on this host.
var ErrRemoteInclude = errors.New("remote compose files are not fetched: clone it and include the local copy")

// remoteRefusal accepts the addresses that Compose would fetch, and refuses.
type remoteRefusal struct{}

var _ loader.ResourceLoader = remoteRefusal{}

func (remoteRefusal) Accept(path string) bool { return isRemote(path) }

func (remoteRefusal) Load(context.Context, string) (string, error) { return "", ErrRemoteInclude }

func (remoteRefusal) Dir(path string) string { return path }

func isRemote(path string) bool {
	for _, prefix := range []string{"oci://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
}
