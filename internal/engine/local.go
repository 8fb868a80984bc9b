package engine

import (
	"io"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/flags"
)

// CheckLocal refuses, without connecting, options that lead to an engine on
// another host. Its errors are *ConnectError.
func CheckLocal(options Options) error {
	chosen := flags.NewClientOptions()
	chosen.Context = options.Context
	if options.Host != "" {
		chosen.Hosts = []string{options.Host}
	}
	host, err := endpointHost(chosen, config.LoadDefaultConfigFile(io.Discard))
	if err != nil {
		return &ConnectError{Trouble: TroubleContext, Err: err}
	}
	return (&Engine{host: host}).RequireLocal()
}
