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

// cli is the docker command around a client. Its output goes to the writer,
// or nowhere.
func (e *Engine) cli(through client.APIClient, output io.Writer) (command.Cli, error) {
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
	return &sdkCLI{Cli: cli, client: through}, nil
}

// newSDK starts the Compose SDK. It never asks: whatever it wants confirmed is
// declined.
func newSDK(cli command.Cli) (api.Compose, error) {
	decline := func(string, bool) (bool, error) { return false, nil }
	return compose.NewComposeService(cli, compose.WithPrompt(decline))
}

// sdk starts the Compose SDK on a client, without any output.
func (e *Engine) sdk(through client.APIClient) (api.Compose, error) {
	cli, err := e.cli(through, nil)
	if err != nil {
		return nil, err
	}
	return newSDK(cli)
}
