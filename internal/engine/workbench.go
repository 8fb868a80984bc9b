package engine

import (
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"

	"gapless/internal/update"
)

// The labels of docker compose that are read or written here.
const (
	labelProject      = api.ProjectLabel
	labelService      = api.ServiceLabel
	labelNumber       = api.ContainerNumberLabel
	labelOneOff       = api.OneoffLabel
	labelSlug         = api.SlugLabel
	labelConfigHash   = api.ConfigHashLabel
	labelDependencies = api.DependenciesLabel
	labelHook         = api.HookLabel
)

// Workbench acts on the containers and images of one resolved project. It
// implements update.Images, update.Creator and update.Containers, and is safe
// for concurrent use.
type Workbench struct {
	engine   *Engine
	project  *types.Project
	helper   HelperProgram
	answered sync.Map // by createKey: whether all requests of this process succeeded
	creating sync.Mutex
}

var (
	_ update.Images     = (*Workbench)(nil)
	_ update.Creator    = (*Workbench)(nil)
	_ update.Containers = (*Workbench)(nil)
)

// ForProject binds an engine to a project. Its environment must be resolved
// with the env_file entries dropped, as WithServicesEnvironmentResolved(true)
// of compose-go does and docker compose before it hashes a service. The
// project is not changed.
func ForProject(e *Engine, project *types.Project) *Workbench {
	return &Workbench{engine: e, project: withComposeLabels(project)}
}

// withComposeLabels returns a copy whose services carry the labels by which
// docker compose knows its containers again. Those that are there stay.
func withComposeLabels(project *types.Project) *types.Project {
	labelled := project.WithoutUnresolvedOptionalDependencies()
	for name, service := range labelled.Services {
		wanted := types.Labels{
			api.ProjectLabel:     labelled.Name,
			api.ServiceLabel:     name,
			api.VersionLabel:     api.ComposeVersion,
			api.WorkingDirLabel:  labelled.WorkingDir,
			api.ConfigFilesLabel: strings.Join(labelled.ComposeFiles, ","),
			api.OneoffLabel:      "False",
		}
		for key, value := range service.CustomLabels {
			wanted[key] = value
		}
		service.CustomLabels = wanted
		labelled.Services[name] = service
	}
	return labelled
}

// imageReference is what the image of a service is called.
func (w *Workbench) imageReference(service types.ServiceConfig) string {
	return api.GetImageNameOrDefault(service, w.project.Name)
}

// createKey identifies one create request over processes.
type createKey struct{ name, run string }
