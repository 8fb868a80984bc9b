package project

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// meaning refuses what Compose accepts although an update with it must fail.
func (c *checker) meaning(p *Project) {
	if !projectName.MatchString(p.Name) {
		c.fault("name", "set name: in the compose file, or pass -p", "project name %s does not match %s", printable(p.Name), projectName)
	}
	c.references(p.Compose)
	c.cycles(p.Compose)
	for _, service := range p.Services {
		config := p.Compose.Services[service.Name]
		path := "services." + service.Name
		c.names(path, p, service)
		c.image(path, config)
		c.limits(path, service, config)
		c.healthcheck(path, service, config.HealthCheck)
		c.labels(path, config)
		c.noNUL(path, config)
	}
	c.uniqueContainerNames(p)
	c.uniquePorts(p)
	c.sourceFiles(p.Compose)
}

var (
	projectName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)
)

func (c *checker) names(path string, p *Project, service Service) {
	if len(service.Name) > maxNameLength {
		c.fault(path, "shorten it", "service name %s has %d characters, at most %d fit", printable(service.Name), len(service.Name), maxNameLength)
	}
	const room = len("-100")
	if length := len(p.Name) + 1 + len(service.Name) + room; length > maxContainerName && len(service.Name) <= maxNameLength {
		c.fault(path, "shorten the name of the project or the service", "the container name %s%s%s-1 is longer than %d characters", p.Name, p.separator(), service.Name, maxContainerName)
	}
	if name := service.ContainerName; name != "" && (!containerName.MatchString(name) || len(name) > maxContainerName) {
		c.fault(path+".container_name", fmt.Sprintf("use letters, digits, _ . and -, at most %d of them", maxContainerName), "container_name %s is not valid", printable(name))
	}
}

// image checks the reference by the grammar of registries; an empty tag is the
// usual trace of a variable that is not set.
func (c *checker) image(path string, config types.ServiceConfig) {
	if config.Image == "" {
		return
	}
	if _, err := reference.ParseDockerRef(config.Image); err != nil {
		hint := "write it like registry.example.com/team/app:1.2"
		if strings.HasSuffix(config.Image, ":") {
			hint = "the tag is empty: is its variable set in .env?"
		}
		c.fault(path+".image", hint, "image %s is not a valid reference", printable(config.Image))
	}
}

func (c *checker) limits(path string, service Service, config types.ServiceConfig) {
	if service.Replicas > maxReplicas {
		c.fault(path+".deploy.replicas", "write a number from 0 to 100", "%d replicas of %s, at most %d are possible", service.Replicas, service.Name, maxReplicas)
	}
	if service.Replicas > 1 && len(service.HostPorts) > 0 {
		c.fault(path+".ports", "remove the host port, and let the edge publish it", "%d replicas cannot share host port %d", service.Replicas, service.HostPorts[0].Host)
	}
	if limit := service.MemoryLimitBytes; limit > 0 && limit < minMemoryBytes {
		c.fault(path, "give it at least 6m", "memory limit of %d bytes: the engine needs at least %d", limit, minMemoryBytes)
	}
	if config.StopGracePeriod != nil && *config.StopGracePeriod < 0 {
		c.fault(path+".stop_grace_period", "write a duration such as 30s", "stop_grace_period %s is negative", *config.StopGracePeriod)
	}
}

// reservedLabels are written by Compose and by us, and tell whose a container is.
var reservedLabels = []string{"com.docker.compose.", "gapless."}

func (c *checker) labels(path string, config types.ServiceConfig) {
	for _, key := range sortedKeys(config.Labels) {
		for _, prefix := range reservedLabels {
			if strings.HasPrefix(key, prefix) {
				c.fault(path+".labels."+key, "rename the label", "label %s is reserved: %s* says whose a container is", printable(key), prefix)
			}
		}
	}
}

// noNUL refuses the one character that neither an argument, nor a variable,
// nor a label can hold. Line breaks are legal in all of them.
func (c *checker) noNUL(path string, config types.ServiceConfig) {
	for _, key := range sortedKeys(config.Environment) {
		if value := config.Environment[key]; strings.ContainsRune(key, 0) || (value != nil && strings.ContainsRune(*value, 0)) {
			c.fault(path+".environment."+key, "remove it", "variable %s contains a NUL character", printable(key))
		}
	}
	for _, key := range sortedKeys(config.Labels) {
		if strings.ContainsRune(key+config.Labels[key], 0) {
			c.fault(path+".labels."+key, "remove it", "label %s contains a NUL character", printable(key))
		}
	}
	for _, argument := range append(append([]string{}, config.Entrypoint...), config.Command...) {
		if strings.ContainsRune(argument, 0) {
			c.fault(path+".command", "remove it", "the command contains a NUL character")
		}
	}
}

func (c *checker) uniqueContainerNames(p *Project) {
	owners := map[string]string{}
	for _, service := range p.Services {
		if service.ContainerName == "" {
			continue
		}
		if owner, taken := owners[service.ContainerName]; taken {
			c.fault("services."+service.Name+".container_name", "rename one of them", "container_name %s is used by %s and %s",
				printable(service.ContainerName), owner, service.Name)
		}
		owners[service.ContainerName] = service.Name
	}
}

// uniquePorts refuses two owners of one host port, unless one of them runs no
// container.
func (c *checker) uniquePorts(p *Project) {
	type owner struct {
		service string
		port    Port
	}
	var owners []owner
	for _, service := range p.Services {
		if service.Replicas == 0 {
			continue
		}
		for _, port := range service.HostPorts {
			for _, other := range owners {
				if other.service != service.Name && other.port.clashes(port) {
					c.fault("services."+service.Name+".ports", "publish one of them on another port", "host port %d is published by %s and %s",
						port.Host, other.service, service.Name)
				}
			}
			owners = append(owners, owner{service.Name, port})
		}
	}
}

// clashes tells whether two published ports need the same socket.
func (p Port) clashes(other Port) bool {
	sameAddress := p.HostIP == other.HostIP || isEveryAddress(p.HostIP) || isEveryAddress(other.HostIP)
	return p.Host == other.Host && p.Protocol == other.Protocol && sameAddress
}

func isEveryAddress(address string) bool {
	return address == "" || address == "0.0.0.0" || address == "::"
}

// sourceFiles refuses secrets and configs whose source is gone: their containers
// could not be created.
func (c *checker) sourceFiles(model *types.Project) {
	for _, name := range sortedKeys(model.Secrets) {
		c.object("secrets."+name, "secret", types.FileObjectConfig(model.Secrets[name]), model.Environment)
	}
	for _, name := range sortedKeys(model.Configs) {
		c.object("configs."+name, "config", types.FileObjectConfig(model.Configs[name]), model.Environment)
	}
}

func (c *checker) object(path, kind string, object types.FileObjectConfig, variables types.Mapping) {
	if object.File != "" {
		status, err := os.Stat(object.File)
		switch {
		case os.IsNotExist(err):
			c.fault(path+".file", "create it, or correct the path", "%s file %s does not exist", kind, printable(object.File))
		case err == nil && kind == "secret" && status.Mode().IsRegular() && status.Mode().Perm()&0o077 != 0:
			c.risk(path+".file", "chmod 600 "+object.File+" if the container reads it as root", "secret file %s is readable by others (mode %04o)",
				printable(object.File), status.Mode().Perm())
		}
	}
	if object.Environment != "" {
		if _, found := variables.Resolve(object.Environment); !found {
			c.fault(path+".environment", "set it in .env or in the environment", "%s %s needs variable %s, which is not set",
				kind, strings.SplitN(path, ".", 2)[1], printable(object.Environment))
		}
	}
}
