package engine

import (
	"io"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/client"
)

// sdkCLI is the docker command as the Compose SDK needs it, around a client
// of our own.
type sdkCLI struct {
	command.Cli
	client client.APIClient
}

// Client replaces that of the docker command.
func (c *sdkCLI) Client() client.APIClient { return c.client }

// sdk starts the Compose SDK on a client. Its output goes to the writer, or
// nowhere, and it never asks: whatever it wants confirmed is declined.
func (e *Engine) sdk(through client.APIClient, output io.Writer) (api.Compose, error) {
	if output == nil {
		output = io.Discard
	}
	cli, err := command.NewDockerCli(
		command.WithAPIClient(e.client),
		command.WithCombinedStreams(output),
		command.WithInputStream(io.NopCloser(strings.NewReader(""))),
	)
	if err != nil {
		return nil, err
	}
	if err := cli.Initialize(e.flags); err != nil {
		return nil, err
	}
	decline := func(string, bool) (bool, error) { return false, nil }
	return compose.NewComposeService(&sdkCLI{Cli: cli, client: through}, compose.WithPrompt(decline))
}
