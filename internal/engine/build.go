package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/cli-plugins/manager"
	"github.com/docker/cli/cli/command"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/spf13/cobra"

	"gapless/internal/update"
)

// buildWait bounds a build.
const buildWait = 2 * time.Hour

// outputLines is how much of a failed build is shown.
const outputLines = 30

// Build implements update.Images through the Compose SDK: with BuildKit where
// buildx is installed, with the classic builder otherwise.
func (w *Workbench) Build(ctx context.Context, serviceName string, options update.BuildOptions) (string, error) {
	service, known := w.project.Services[serviceName]
	if !known || service.Build == nil {
		return "", fmt.Errorf("service %s has no build section", serviceName)
	}
	ctx, cancel := context.WithTimeout(ctx, buildWait)
	defer cancel()
	output := &tail{}
	cli, err := w.engine.cli(w.engine.client, output)
	if err != nil {
		return "", err
	}
	sdk, err := newSDK(cli)
	if err != nil {
		return "", err
	}
	project, err := w.project.WithSelectedServices(nil)
	if err != nil {
		return "", err
	}
	one := project.Services[serviceName]
	if options.NoCache {
		// The classic builder of the SDK asks the service, not the options.
		build := *one.Build
		build.NoCache = true
		one.Build = &build
	}
	if options.As != "" {
		build := *one.Build
		build.Tags = nil // further names that nobody asked for
		one.Image, one.Build = options.As, &build
	}
	project.Services[serviceName] = one
	reference := w.imageReference(one)
	if !buildsWithBuildKit(cli) {
		remove, err := writeInlineDockerfiles(project)
		defer remove()
		if err != nil {
			return "", err
		}
	}
	for range buildTries {
		err = sdk.Build(ctx, project, api.BuildOptions{Services: []string{serviceName}, Progress: "plain", Out: output})
		if !metRemoval(err) {
			break
		}
	}
	if err != nil {
		return "", &ImageError{Kind: ImageBuildFailed, Reference: reference, Output: output.lines(outputLines), Err: err}
	}
	return w.ImageID(ctx, reference)
}

// buildTries bounds how often a build begins again after metRemoval.
const buildTries = 5

// metRemoval tells whether a build of the classic builder failed only because
// somebody removed an image while it looked for what it can reuse. Source:
// getLocalCachedImage in image/cache of Docker Engine 20.10.
func metRemoval(err error) bool {
	return err != nil && strings.Contains(err.Error(), `unable to find image "sha256:`)
}

// buildsWithBuildKit tells which builder the SDK is about to choose.
func buildsWithBuildKit(cli command.Cli) bool {
	enabled, err := cli.BuildKitEnabled()
	if err != nil || !enabled {
		return false
	}
	_, err = manager.GetPlugin("buildx", cli, &cobra.Command{})
	return err == nil
}

// writeInlineDockerfiles gives services with dockerfile_inline a file outside
// of their context. The classic builder of the SDK takes the Dockerfile of the
// context without a word, and so makes another image than the one asked for.
func writeInlineDockerfiles(project *types.Project) (remove func(), err error) {
	directory := ""
	remove = func() { os.RemoveAll(directory) }
	for name, service := range project.Services {
		if service.Build == nil || service.Build.DockerfileInline == "" {
			continue
		}
		if directory == "" {
			if directory, err = os.MkdirTemp("", "gapless-build-"); err != nil {
				return func() {}, err
			}
		}
		build := *service.Build
		build.Dockerfile = filepath.Join(directory, name)
		if err := os.WriteFile(build.Dockerfile, []byte(build.DockerfileInline), 0o600); err != nil {
			return remove, err
		}
		build.DockerfileInline = ""
		service.Build = &build
		project.Services[name] = service
	}
	return remove, nil
}
