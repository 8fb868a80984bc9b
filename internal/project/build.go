package project

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// Docker's defaults, from the reference of HEALTHCHECK and `docker stop`.
const (
	defaultStopGrace      = 10 * time.Second
	defaultProbeInterval  = 30 * time.Second
	defaultProbeTimeout   = 30 * time.Second
	defaultStartInterval  = 5 * time.Second
	defaultProbeRetries   = 3
	defaultUpdateParallel = 1
)

// DefaultWorkerGrace is what a worker gets to finish its jobs where the compose
// file does not say it. Docker's 10 s are made for servers; a worker that
// obeys its stop signal by finishing what it has, as Celery does, would be
// killed in the middle of a job.
const DefaultWorkerGrace = 5 * time.Minute

// buildServices reduces Compose's model to ours, in an order in which every
// service comes after what it depends on.
//
// What was recorded is taken over instead of being found out again.
func buildServices(p *Project, settings map[string]ServiceSettings, recorded map[string]renderedService) {
	mounts := countMounts(p.Compose)
	for _, name := range dependencyOrder(p.Compose.Services) {
		service := buildService(p, p.Compose.Services[name], mounts)
		service.apply(settings[name], p.Settings)
		p.Services = append(p.Services, service)
	}
	if recorded == nil {
		assignRoles(p, settings)
	}
	for i := range p.Services {
		service := &p.Services[i]
		for j := range service.Volumes {
			service.Volumes[j].Harmless = p.Settings.Edge.hasSocketIn(service.Volumes[j])
		}
		if known, found := recorded[service.Name]; found {
			service.Role, service.RoleReason = known.Role, known.Reason
			service.HTTPPort, service.BaseImage, service.NamedBy = known.HTTPPort, known.BaseImage, known.NamedBy
			service.Framework, service.FrameworkReason, service.FrameworkCommand = known.Framework, known.FrameworkReason, known.FrameworkCommand
		}
		service.Nginx = p.isNginx(*service)
		if service.Role == RoleWorker && !service.GraceSet {
			service.StopGrace = DefaultWorkerGrace
		}
	}
	if recorded == nil {
		assignFrameworks(p)
	}
	assignRoutes(p, settings)
	assignPreparations(p, settings)
}

func buildService(p *Project, config types.ServiceConfig, mounts map[string]int) Service {
	service := Service{
		Name:             config.Name,
		Image:            config.Image,
		Build:            config.Build != nil,
		Entrypoint:       config.Entrypoint,
		Command:          config.Command,
		Replicas:         config.GetScale(),
		ContainerName:    config.ContainerName,
		DependsOn:        slices.Sorted(mapKeys(config.DependsOn)),
		Healthcheck:      buildHealthcheck(config.HealthCheck),
		StopSignal:       config.StopSignal,
		StopGrace:        defaultStopGrace,
		Restart:          config.Restart,
		NetworkMode:      config.NetworkMode,
		IPCMode:          config.Ipc,
		PIDMode:          config.Pid,
		MemoryLimitBytes: memoryLimit(config),
		Parallelism:      defaultUpdateParallel,
	}
	if service.Image == "" {
		service.Image = p.Name + p.separator() + config.Name
	}
	if config.StopGracePeriod != nil {
		service.StopGrace, service.GraceSet = time.Duration(*config.StopGracePeriod), true
	}
	if len(config.PreStart) > 0 {
		service.Hooks = append(service.Hooks, "pre_start")
	}
	if len(config.PreStop) > 0 {
		service.Hooks = append(service.Hooks, "pre_stop")
	}
	service.HostPorts = fixedPorts(config.Ports)
	service.Volumes = buildVolumes(config, mounts)
	service.FixedAddresses = fixedAddresses(config)
	for _, device := range config.Devices {
		service.Devices = append(service.Devices, device.Source)
	}
	service.applyUpdateConfig(config.Deploy)
	return service
}

// applyUpdateConfig takes deploy.update_config with Swarm's meanings, in which
// a parallelism of 0 is all at once.
func (s *Service) applyUpdateConfig(deploy *types.DeployConfig) {
	if deploy == nil {
		return
	}
	if deploy.RestartPolicy != nil {
		s.Restart = restartOf(*deploy.RestartPolicy)
	}
	if deploy.UpdateConfig == nil {
		return
	}
	s.Order = Order(deploy.UpdateConfig.Order)
	if parallelism := deploy.UpdateConfig.Parallelism; parallelism != nil {
		s.Parallelism = max(1, int(min(*parallelism, maxReplicas)))
		if *parallelism == 0 {
			s.Parallelism = max(1, s.Replicas)
		}
	}
}

// restartOf writes deploy.restart_policy, which goes before restart:, as docker
// compose understands it.
func restartOf(policy types.RestartPolicy) string {
	switch policy.Condition {
	case "any":
		return "always"
	case "none":
		return "no"
	case "on-failure":
		if attempts := policy.MaxAttempts; attempts != nil && *attempts > 0 {
			return fmt.Sprintf("on-failure:%d", *attempts)
		}
	}
	return policy.Condition
}

// apply lays the service's own settings over the defaults of the project.
func (s *Service) apply(own ServiceSettings, defaults Settings) {
	s.Order = cmp.Or(own.Order, s.Order)
	s.Overlap = own.Overlap
	s.Quiesce = own.Quiesce
	if own.Reload != nil {
		s.Reload = &Reload{Signal: own.Reload.Signal, Command: own.Reload.Command}
	}
	s.HoldLimit = cmp.Or(own.Hold.Limit, defaults.Hold.Limit)
	s.Drain = cmp.Or(own.Drain, defaults.Drain)
	s.Gate.Successes = cmp.Or(own.Gate.Successes, defaults.Gate.Successes)
	s.Gate.Deadline = cmp.Or(own.Gate.Deadline, defaults.Gate.Deadline)
}

func buildHealthcheck(config *types.HealthCheckConfig) *Healthcheck {
	if config == nil || config.Disable {
		return nil
	}
	if len(config.Test) > 0 && config.Test[0] == "NONE" {
		return nil
	}
	check := &Healthcheck{
		Test:          config.Test,
		Interval:      durationOr(config.Interval, defaultProbeInterval),
		Timeout:       durationOr(config.Timeout, defaultProbeTimeout),
		StartPeriod:   durationOr(config.StartPeriod, 0),
		StartInterval: durationOr(config.StartInterval, defaultStartInterval),
		Retries:       defaultProbeRetries,
	}
	if config.Retries != nil && *config.Retries > 0 {
		check.Retries = int(min(*config.Retries, mostRetries+1)) // a deadline of more would not fit into a duration
	}
	return check
}

func durationOr(value *types.Duration, fallback time.Duration) time.Duration {
	if value == nil || *value == 0 {
		return fallback
	}
	return time.Duration(*value)
}

// fixedPorts returns the published ports that name exactly one host port: a
// range or port 0 lets the engine choose, so a second container finds its own.
func fixedPorts(ports []types.ServicePortConfig) []Port {
	var fixed []Port
	for _, port := range ports {
		host, err := strconv.Atoi(port.Published)
		if err != nil || host == 0 {
			continue
		}
		fixed = append(fixed, Port{
			Host: host, HostIP: port.HostIP, Container: int(port.Target), Protocol: cmp.Or(port.Protocol, "tcp"),
		})
	}
	return fixed
}

func fixedAddresses(config types.ServiceConfig) []string {
	var addresses []string
	if config.MacAddress != "" {
		addresses = append(addresses, config.MacAddress)
	}
	for _, name := range slices.Sorted(mapKeys(config.Networks)) {
		network := config.Networks[name]
		if network == nil {
			continue
		}
		for _, address := range []string{network.Ipv4Address, network.Ipv6Address, network.MacAddress} {
			if address != "" {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

func memoryLimit(config types.ServiceConfig) int64 {
	if config.Deploy != nil && config.Deploy.Resources.Limits != nil && config.Deploy.Resources.Limits.MemoryBytes > 0 {
		return int64(config.Deploy.Resources.Limits.MemoryBytes)
	}
	return max(0, int64(config.MemLimit))
}

func isSharedNetworkMode(mode string) bool {
	return strings.HasPrefix(mode, types.ServicePrefix) || strings.HasPrefix(mode, types.ContainerPrefix)
}
