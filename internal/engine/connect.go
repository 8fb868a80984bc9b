package engine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"
)

// Options chooses an engine. Both empty means the one that the docker command
// would use: DOCKER_HOST, DOCKER_CONTEXT, the current context, the default
// socket.
type Options struct {
	Host    string // as DOCKER_HOST
	Context string // as DOCKER_CONTEXT
}

// Engine is a connection to one Docker engine.
type Engine struct {
	client  client.APIClient
	flags   *flags.ClientOptions
	config  *configfile.ConfigFile
	host    string
	drivers sync.Map // network ID to driver, which never changes
}

// connectWait bounds the first exchange with the engine, which may have much else
// to do.
const connectWait = 10 * time.Second

// Connect finds the engine and makes sure that it answers. Its errors are
// *ConnectError.
func Connect(ctx context.Context, options Options) (*Engine, error) {
	e, err := prepare(options)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	ping, err := e.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if ping.APIVersion != "" && versions.LessThan(ping.APIVersion, MinimumAPI) {
		// Looked at first: the client calls a version that it cannot speak an
		// error of the exchange.
		return nil, &ConnectError{Trouble: TroubleOld, Host: e.host, Version: ping.APIVersion}
	}
	if err != nil {
		return nil, e.refusal(ctx, err)
	}
	return e, nil
}

// prepare resolves the address without connecting.
func prepare(options Options) (*Engine, error) {
	// The libraries log through a global logger; what matters is returned as
	// an error, the rest must not run through the display.
	logrus.SetOutput(io.Discard)
	api.ComposeVersion = composeVersion
	chosen := flags.NewClientOptions()
	// The flags bring the defaults from the environment, such as
	// DOCKER_TLS_VERIFY.
	none := pflag.NewFlagSet("docker", pflag.ContinueOnError)
	chosen.InstallFlags(none)
	chosen.SetDefaultOptions(none)
	chosen.Context = options.Context
	if options.Host != "" {
		chosen.Hosts = []string{options.Host}
	}
	file := config.LoadDefaultConfigFile(io.Discard)
	host, err := endpointHost(chosen, file)
	if err != nil {
		return nil, &ConnectError{Trouble: TroubleContext, Err: err}
	}
	connection, err := command.NewAPIClientFromFlags(chosen, file)
	if err != nil {
		return nil, &ConnectError{Trouble: TroubleContext, Host: host, Err: err}
	}
	return &Engine{client: connection, flags: chosen, config: file, host: host}, nil
}

// refusal makes a failed first exchange specific.
func (e *Engine) refusal(ctx context.Context, err error) error {
	trouble := TroubleMissing
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil, os.IsTimeout(err):
		trouble = TroubleSilent
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EACCES), e.socketForbidden():
		trouble = TroublePermission
	}
	return &ConnectError{Trouble: trouble, Host: e.host, Err: err}
}

// Close ends the connection.
func (e *Engine) Close() error { return e.client.Close() }

// Host is the address of the engine, as in DOCKER_HOST.
func (e *Engine) Host() string { return e.host }

// composeVersion is the version of the SDK, with which it signs what it
// creates. The docker compose command gets it from the linker instead.
const composeVersion = "5.6.0"
