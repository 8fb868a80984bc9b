package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// assignRoles gives every service its role and the reason for it. What
// x-gapless says wins; the rest is found out.
func assignRoles(p *Project, settings map[string]ServiceSettings) {
	for i := range p.Services {
		p.Services[i].BaseImage = baseImage(p.Compose.Services[p.Services[i].Name].Build)
	}
	upstreams := findUpstreams(p)
	for i := range p.Services {
		service := &p.Services[i]
		config := p.Compose.Services[service.Name]
		evidence := evidence{
			project: p, service: *service, config: config,
			words: commandWords(config), upstream: upstreams[service.Name], upstreams: upstreams,
		}
		service.NamedBy = upstreams[service.Name].front
		service.HTTPPort = evidence.httpPort()
		evidence.service.HTTPPort = service.HTTPPort
		own := settings[service.Name]
		switch {
		case own.Role == "" && p.Settings.Front.Service == service.Name:
			service.Role, service.RoleReason = RoleFront, "x-gapless.front names it"
		case own.Role != "":
			service.Role, service.RoleReason = own.Role, "x-gapless says so"
		case own.Route != nil && evidence.passesToSocket():
			service.Role, service.RoleReason = evidence.behindSocket()
		case own.Route != nil:
			service.Role, service.RoleReason = RoleWeb, "x-gapless gives it a route"
		default:
			service.Role, service.RoleReason = evidence.role()
		}
	}
}

// evidence is what the role of one service is judged by.
type evidence struct {
	project  *Project
	service  Service
	config   types.ServiceConfig
	words    []string
	upstream upstream // set when a front passes requests on to it

	upstreams map[string]upstream
}

// role tries the judgements from the surest to the weakest.
func (e evidence) role() (Role, string) {
	judgements := []func() (Role, string){
		e.completesForOthers, e.database, e.dataDirectory, e.oneShot, e.behindSocket, e.front,
		e.scheduler, e.worker, e.proxied, e.publishes, e.serves, e.byName, e.behindFront,
	}
	for _, judge := range judgements {
		if role, reason := judge(); role != "" {
			return role, reason
		}
	}
	return RoleWorker, "nothing publishes or proxies to it"
}

func (e evidence) completesForOthers() (Role, string) {
	for _, other := range e.project.Services {
		dependency, found := e.project.Compose.Services[other.Name].DependsOn[e.service.Name]
		if found && dependency.Condition == types.ServiceConditionCompletedSuccessfully {
			return RoleJob, other.Name + " waits until it has completed"
		}
	}
	return "", ""
}

func (e evidence) database() (Role, string) {
	if e.config.Image == "" && e.service.BaseImage == "" {
		return "", "" // the image is called after the service
	}
	if image := e.service.runs(); databaseOf(image) != "" {
		return RoleStateful, "image " + repository(image) + " is a database or a broker"
	}
	return "", ""
}

func (e evidence) dataDirectory() (Role, string) {
	for _, volume := range e.service.Volumes {
		name := dataDirectories[strings.TrimRight(volume.Target, "/")]
		if name != "" && volume.Writable && volume.Kind != VolumeTmpfs && !e.readsOthersData(volume) {
			return RoleStateful, "writes " + volume.Target + ", the data of " + name
		}
	}
	return "", ""
}

// readsOthersData tells a backup container from the database whose volume it
// mounts too.
func (e evidence) readsOthersData(volume Volume) bool {
	if !volume.Shared {
		return false
	}
	for _, other := range e.project.Services {
		if other.Name == e.service.Name || databaseOf(other.runs()) == "" {
			continue
		}
		for _, mount := range other.Volumes {
			if mount.Source == volume.Source {
				return true
			}
		}
	}
	return false
}

func (e evidence) oneShot() (Role, string) {
	if e.service.Restart == "no" && len(e.config.Ports) == 0 && e.service.Healthcheck == nil && e.upstream.front == "" {
		return RoleJob, `restart: "no" and no port: it runs once`
	}
	return "", ""
}

func (e evidence) front() (Role, string) {
	name := frontOf(e.service.runs())
	if name == "" && e.upstreamsOf() == "" {
		return "", ""
	}
	if name == "" {
		name = "its configuration"
	}
	if target := e.upstreamsOf(); target != "" {
		return RoleFront, name + " passes requests on to " + target
	}
	if !e.publishesWebPort() {
		return "", ""
	}
	if len(e.project.Services) == 1 {
		return RoleWeb, name + " with nothing behind it"
	}
	return RoleFront, name + " publishes port " + e.webPort()
}

// upstreamsOf returns a service that this one passes requests on to.
func (e evidence) upstreamsOf() string {
	for _, name := range slices.Sorted(mapKeys(e.upstreams)) {
		if target := e.upstreams[name]; target.front == e.service.Name && target.port > 0 {
			return name
		}
	}
	return ""
}

func (e evidence) webPort() string {
	for _, port := range e.service.HostPorts {
		if port.Host == 80 || port.Host == 443 {
			return fmt.Sprint(port.Host)
		}
	}
	return ""
}

func (e evidence) publishesWebPort() bool { return e.webPort() != "" }

func (e evidence) scheduler() (Role, string) {
	if phrase := findPhrase(e.words, schedulerPhrases); phrase != "" {
		return RoleScheduler, "runs " + phrase
	}
	if slices.Contains(e.words, "celery") && slices.Contains(e.words, "worker") &&
		(slices.Contains(e.words, "-B") || slices.Contains(e.words, "--beat")) {
		return RoleScheduler, "runs celery worker with an embedded beat"
	}
	if name := repository(e.service.runs()); slices.Contains([]string{"ofelia", "supercronic", "chadburn", "docker-cron"}, name) {
		return RoleScheduler, "image " + name + " is a scheduler"
	}
	return "", ""
}

func (e evidence) worker() (Role, string) {
	if phrase := findPhrase(e.words, workerPhrases); phrase != "" {
		return RoleWorker, "runs " + phrase
	}
	return "", ""
}

func (e evidence) proxied() (Role, string) {
	if e.upstream.front != "" {
		return RoleWeb, e.upstream.front + " passes requests on to it"
	}
	return "", ""
}

func (e evidence) publishes() (Role, string) {
	for _, port := range e.config.Ports {
		if isHTTPPort(port) {
			return RoleWeb, fmt.Sprintf("publishes port %d", port.Target)
		}
	}
	return "", ""
}

// serves finds services that nobody publishes yet but that look like servers.
func (e evidence) serves() (Role, string) {
	if phrase := findPhrase(e.words, webPhrases); phrase != "" {
		return RoleWeb, "runs " + phrase
	}
	if address := healthAddress(e.service.Healthcheck); address.port > 0 {
		return RoleWeb, fmt.Sprintf("its healthcheck asks http port %d", address.port)
	}
	if len(e.config.Expose) > 0 && e.service.HTTPPort > 0 {
		return RoleWeb, fmt.Sprintf("exposes port %d", e.service.HTTPPort)
	}
	if name := frontOf(e.service.runs()); name != "" {
		return RoleWeb, name + " without a published port 80 or 443"
	}
	return "", ""
}

// behindFront judges what a front depends on when the front's configuration is
// built into its image.
func (e evidence) behindFront() (Role, string) {
	for _, other := range e.project.Services {
		fronts := frontOf(other.runs()) != "" && slices.ContainsFunc(other.HostPorts, func(port Port) bool {
			return port.Host == 80 || port.Host == 443
		})
		if fronts && slices.Contains(other.DependsOn, e.service.Name) {
			return RoleWeb, other.Name + ", a front, depends on it"
		}
	}
	return "", ""
}

// byName goes by the name that the author gave to the service.
func (e evidence) byName() (Role, string) {
	for _, part := range strings.FieldsFunc(e.service.Name, func(char rune) bool { return strings.ContainsRune("-_.", char) }) {
		switch part {
		case "beat", "scheduler", "cron", "clock", "celerybeat", "crontab":
			return RoleScheduler, "is called " + e.service.Name
		case "worker", "workers", "consumer", "queue", "sidekiq", "celery":
			return RoleWorker, "is called " + e.service.Name
		}
	}
	return "", ""
}
