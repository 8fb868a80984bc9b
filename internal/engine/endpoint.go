package engine

import (
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/cli/cli/flags"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// endpointHost resolves which address the docker command would use. The
// client cannot tell: for ssh it only knows a stand-in.
func endpointHost(chosen *flags.ClientOptions, file *configfile.ConfigFile) (string, error) {
	if len(chosen.Hosts) > 0 {
		return chosen.Hosts[0], nil
	}
	name := chosen.Context
	if name == "" {
		if host := os.Getenv(client.EnvOverrideHost); host != "" {
			return host, nil
		}
		name = os.Getenv(command.EnvOverrideContext)
	}
	if name == "" {
		name = file.CurrentContext
	}
	if name == "" || name == command.DefaultContextName {
		return client.DefaultDockerHost, nil
	}
	contexts := store.New(config.ContextStoreDir(), command.DefaultContextStoreConfig())
	metadata, err := contexts.GetMetadata(name)
	if err != nil {
		return "", err
	}
	endpoint, err := docker.EndpointFromContext(metadata)
	if err != nil {
		return "", err
	}
	return endpoint.Host, nil
}

// isLocal tells whether an address leads to an engine on this host.
func isLocal(host string) bool {
	parsed, err := url.Parse(host)
	if err != nil {
		return false
	}
	switch parsed.Scheme {
	case "unix", "npipe", "fd":
		return true
	case "tcp", "http", "https":
		name := parsed.Hostname()
		if name == "localhost" {
			return true
		}
		address, err := netip.ParseAddr(name)
		return err == nil && address.IsLoopback()
	}
	return false
}

// socketForbidden tells whether the socket exists and this user may not write
// to it.
func (e *Engine) socketForbidden() bool {
	path, isSocket := strings.CutPrefix(e.host, "unix://")
	if !isSocket {
		return false
	}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		return true
	}
	return err == nil && errors.Is(unix.Access(path, unix.W_OK), unix.EACCES)
}
