package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// renderedKey holds what a compose document cannot say about itself.
const renderedKey = "x-gapless-rendered"

// renderedFormat is the version of the rendered document.
const renderedFormat = 1

// rendering is the block under renderedKey.
type rendering struct {
	Format        int      `yaml:"format"`
	Directory     string   `yaml:"directory"`
	Files         []string `yaml:"files"`
	EnvFiles      []string `yaml:"env_files,omitempty"`
	Profiles      []string `yaml:"profiles,omitempty"`
	Inactive      []string `yaml:"inactive,omitempty"` // services of other profiles
	Compatibility bool     `yaml:"compatibility,omitempty"`
	Page          string   `yaml:"page,omitempty"` // for maintenance

	Services map[string]renderedService `yaml:"services"`
}

// renderedService is what was found out about a service from files that may
// have changed since.
type renderedService struct {
	Role      Role   `yaml:"role"`
	Reason    string `yaml:"reason"`
	HTTPPort  int    `yaml:"http_port,omitempty"`
	BaseImage string `yaml:"base_image,omitempty"`
	NamedBy   string `yaml:"named_by,omitempty"`

	Framework        Framework `yaml:"framework,omitempty"`
	FrameworkReason  string    `yaml:"framework_reason,omitempty"`
	FrameworkCommand []string  `yaml:"framework_command,omitempty"`
}

// ErrRendered is returned for a document that Render did not write.
var ErrRendered = errors.New("not a rendered project")

// Render writes the resolved project as one document that LoadRendered reads
// back to an equal one. It holds the values of environment variables and
// secrets: keep it in a file that only its owner can read.
func (p *Project) Render() ([]byte, error) {
	model := *p.Compose
	model.Extensions = types.Extensions{}
	for key, value := range p.Compose.Extensions {
		model.Extensions[key] = value
	}
	model.Extensions[renderedKey] = rendering{
		Format: renderedFormat, Directory: p.Directory, Files: p.Files, EnvFiles: p.EnvFiles,
		Profiles: p.Compose.Profiles, Inactive: sortedKeys(p.Compose.DisabledServices), Compatibility: p.Compatibility,
		Services: p.foundOut(), Page: p.Maintenance.Page,
	}
	model.Configs = configsWithContent(p.Compose.Configs)
	content, err := model.MarshalYAML(types.WithSecretContent)
	if err != nil {
		return nil, fmt.Errorf("render project %s: %w", p.Name, err)
	}
	return content, nil
}

func (p *Project) foundOut() map[string]renderedService {
	found := map[string]renderedService{}
	for _, service := range p.Services {
		found[service.Name] = renderedService{
			Role: service.Role, Reason: service.RoleReason, HTTPPort: service.HTTPPort, BaseImage: service.BaseImage, NamedBy: service.NamedBy,
			Framework: service.Framework, FrameworkReason: service.FrameworkReason, FrameworkCommand: service.FrameworkCommand,
		}
	}
	return found
}

// configsWithContent keeps the content that came from a variable, which the
// encoder leaves out as long as the variable is named.
func configsWithContent(configs types.Configs) types.Configs {
	kept := types.Configs{}
	for name, config := range configs {
		if config.Content != "" {
			config.Environment = ""
		}
		kept[name] = config
	}
	return kept
}

// LoadRendered reads a document of Render. Nothing is interpolated and no other
// file is read. A directory that is not empty replaces the recorded one in the
// labels only: paths in the document are absolute.
func LoadRendered(ctx context.Context, content []byte, directory string) (*Project, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var loaded *Project
	err := guarded(ctx, func() (err error) {
		loaded, err = loadRendered(ctx, content, directory)
		return err
	})
	if err != nil {
		return nil, err
	}
	return loaded, nil
}

func loadRendered(ctx context.Context, content []byte, directory string) (*Project, error) {
	const name = "rendered project"
	var faults problems
	file, ok := guard(name, content, &faults)
	if !ok {
		return nil, faults.err()
	}
	header, err := readHeader(content)
	if err != nil {
		return nil, err
	}
	if directory == "" {
		directory = header.Directory
	}
	model, err := loadRenderedModel(ctx, content, directory, header.Profiles)
	if err != nil {
		return nil, fmt.Errorf("read rendered project: %w", err)
	}
	model.ComposeFiles = header.Files
	for _, name := range header.Inactive {
		if model.DisabledServices == nil {
			model.DisabledServices = types.Services{}
		}
		model.DisabledServices[name] = types.ServiceConfig{Name: name}
	}
	delete(model.Extensions, renderedKey)
	if len(model.Extensions) == 0 {
		model.Extensions = nil
	}
	addComposeLabels(model, header.EnvFiles)
	loaded := &Project{
		Name: model.Name, Directory: directory, Files: header.Files, EnvFiles: header.EnvFiles,
		Compatibility: header.Compatibility, Compose: model,
	}
	check := checker{index: newSourceIndex([]source{file}), faults: &faults, recorded: header.Services, recordedPage: header.Page}
	check.settings(loaded)
	return loaded, faults.err()
}

func readHeader(content []byte) (rendering, error) {
	var document struct {
		Header *rendering `yaml:"x-gapless-rendered"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&document); err != nil {
		return rendering{}, fmt.Errorf("%w: %w", ErrRendered, err)
	}
	switch {
	case document.Header == nil:
		return rendering{}, ErrRendered
	case document.Header.Format != renderedFormat:
		return rendering{}, fmt.Errorf("%w of format %d: this version reads format %d", ErrRendered, document.Header.Format, renderedFormat)
	}
	return *document.Header, nil
}

func loadRenderedModel(ctx context.Context, content []byte, directory string, profiles []string) (*types.Project, error) {
	var named struct {
		Name string `yaml:"name"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&named); err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  directory,
		ConfigFiles: []types.ConfigFile{{Filename: "rendered.yaml", Content: content}},
		Environment: types.Mapping{},
	}, func(options *loader.Options) {
		options.SetProjectName(named.Name, true)
		options.Profiles = profiles
		options.SkipInterpolation = true
		options.SkipValidation = true
		options.SkipNormalization = true
		options.SkipConsistencyCheck = true
		options.SkipExtends = true
		options.SkipInclude = true
		options.SkipResolveEnvironment = true
		options.SkipResolveLabels = true
		options.ResolvePaths = false
	})
}
