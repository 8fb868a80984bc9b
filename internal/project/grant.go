package project

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Grant is a power over the host that a container is given. A release that
// adds one deserves a question.
type Grant struct {
	Service string
	What    string // as one would write it: "privileged", "mounts /etc"
}

// Grants lists the powers of every service, so that two releases can be
// compared.
func (p *Project) Grants() []Grant {
	var grants []Grant
	for _, service := range p.Services {
		for _, what := range grantsOf(p.Directory, p.Compose.Services[service.Name]) {
			grants = append(grants, Grant{Service: service.Name, What: what})
		}
	}
	return grants
}

func grantsOf(directory string, config types.ServiceConfig) []string {
	var grants []string
	add := func(granted bool, what string) {
		if granted {
			grants = append(grants, what)
		}
	}
	add(config.Privileged, "privileged")
	add(config.Pid == "host", "pid: host")
	add(config.Ipc == "host", "ipc: host")
	add(config.NetworkMode == "host", "network_mode: host")
	add(config.UserNSMode == "host", "userns_mode: host")
	add(config.UseAPISocket, "use_api_socket")
	for _, capability := range config.CapAdd {
		add(slices.Contains([]string{"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH"},
			strings.TrimPrefix(strings.ToUpper(capability), "CAP_")), "cap_add: "+capability)
	}
	for _, device := range config.Devices {
		grants = append(grants, "device "+device.Source)
	}
	for _, option := range config.SecurityOpt {
		add(strings.Contains(option, "unconfined"), "security_opt: "+option)
	}
	for _, mount := range config.Volumes {
		add(mount.Type == types.VolumeTypeBind && isSensitive(directory, mount.Source), "mounts "+mount.Source)
	}
	return grants
}

// isSensitive tells host paths outside of the project that belong to the
// system or to the engine.
func isSensitive(directory, source string) bool {
	source = filepath.Clean(source)
	if source == "/" || strings.HasSuffix(source, "docker.sock") || strings.HasSuffix(source, "containerd.sock") {
		return true
	}
	for _, root := range []string{"/etc", "/root", "/boot", "/dev", "/proc", "/sys", "/usr", "/bin", "/sbin", "/lib", "/var/lib/docker", "/var/run", "/run"} {
		if source == root || strings.HasPrefix(source, root+"/") {
			return true
		}
	}
	relative, err := filepath.Rel(source, directory)
	return err == nil && !strings.HasPrefix(relative, "..") && relative != "." // a parent of the project
}
