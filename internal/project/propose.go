package project

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Propose works out the x-gapless block and the edits that let the project be
// updated without a gap. It only proposes: nothing is written. A project that
// was loaded with LoadRendered has no files, so it gets an empty proposal.
func Propose(p *Project) Proposal {
	proposal := Proposal{project: p}
	if len(p.sources) == 0 {
		return proposal
	}
	target, front, found := chooseRouted(p)
	if !found {
		proposal.note("no web service with a known port was found: add role: web and route.port to the service that takes requests")
		return proposal
	}
	if _, _, writable := proposal.definition(p, target.Name); !writable && target.Route == nil {
		proposal.note("the definition of %s is shared through an anchor: add x-gapless: {route: {port: %d}} to it by hand", target.Name, target.HTTPPort)
		return proposal
	}
	native := p.Settings.Front.Enabled() // the front needs no edge
	if !native && !p.Settings.Edge.Enabled() {
		proposal.proposeEdge(p, target, front)
	}
	if target.Route == nil {
		proposal.proposeRoute(p, target)
	}
	if native {
		proposal.noteBeginning(p.Settings.Front.Service)
	} else if front != nil {
		proposal.proposeFront(p, target, *front, cmp.Or(p.Settings.Edge.Socket, proposal.socket))
	}
	switch port, published := routedPort(target); {
	case published && front == nil:
		proposal.removePort(p, target, port)
	case published && front.Name != target.Name:
		proposal.note("%s publishes port %s beside %s: two containers cannot have it, so remove it from ports if nobody needs it, or every update has a gap", target.Name, port, front.Name)
	}
	return proposal
}

// chooseRouted picks the service that the edge is to serve: the one behind a
// front, else the one that publishes the most usual port.
func chooseRouted(p *Project) (target Service, front *Service, found bool) {
	for i, service := range p.Services {
		if service.Role == RoleFront {
			front = &p.Services[i]
		}
	}
	best := 0
	for _, service := range p.Services {
		if service.Role != RoleWeb || service.HTTPPort == 0 {
			continue
		}
		rank := 1
		for _, port := range service.HostPorts {
			rank = max(rank, 2)
			if port.Host == 80 {
				rank = 3
			}
		}
		if front != nil {
			rank = rankBehind(p, service, *front, rank)
		}
		if rank > best {
			target, best, found = service, rank, true
		}
	}
	return target, front, found
}

// rankBehind is the rank of a service where there is a front: first what has a
// route already, then what gets all requests that are nobody else's.
func rankBehind(p *Project, service, front Service, rank int) int {
	switch {
	case service.Route != nil:
		return 6
	case !strings.Contains(service.RoleReason, front.Name+" passes"):
		return rank
	case p.isNginx(front) && takesTheRest(p, service, front):
		return 5
	default:
		return 4
	}
}

// proposeEdge writes where the edge listens: in place of the host port that the
// service gives up, or on a socket behind the front.
func (r *Proposal) proposeEdge(p *Project, target Service, front *Service) {
	setting, why := `http: ":80"`, "the edge takes the requests"
	port, published := routedPort(target)
	switch {
	case front != nil:
		r.socket = path.Join(socketDirectory, p.Name+".sock")
		setting, why = "socket: "+r.socket, "the edge listens behind "+front.Name
	case published:
		address := net.JoinHostPort(port.HostIP, strconv.Itoa(port.Host))
		setting, why = fmt.Sprintf("http: %q", address), "the edge takes over host port "+strconv.Itoa(port.Host)
	}
	first := p.sources[r.mainSource(p)]
	if existing := lookup(first.root, settingsKey); existing != nil {
		r.insertInto(first, existing, settingsKey, []string{"edge: {" + setting + "}"}, why)
		return
	}
	lines := []string{"x-gapless:", "  # " + why + "; roles were found out:"}
	for _, service := range p.Services {
		lines = append(lines, fmt.Sprintf("  #   %s: %s (%s)", service.Name, service.Role, oneLine(service.RoleReason)))
	}
	lines = append(lines, "  edge: {"+setting+"}")
	r.add(Edit{File: first.file, First: topLine(first), Lines: lines, Why: why})
}

// mainSource is the first file with services.
func (r *Proposal) mainSource(p *Project) int {
	for i, read := range p.sources {
		if read.root != nil && read.file == p.Files[0] {
			return i
		}
	}
	return 0
}

// topLine is the line of the first key after name and version, with the
// comment above it left where it is.
func topLine(read source) int {
	lines := strings.Split(string(read.content), "\n")
	for i := 0; i+1 < len(read.root.Content); i += 2 {
		key := read.root.Content[i]
		if key.Value == "name" || key.Value == "version" {
			continue
		}
		line := key.Line
		for line > 1 && strings.HasPrefix(lines[line-2], "#") {
			line--
		}
		return line
	}
	return len(lines)
}

func (r *Proposal) proposeRoute(p *Project, target Service) {
	read, mapping, _ := r.definition(p, target.Name)
	route := fmt.Sprintf("port: %d", target.HTTPPort)
	if address := healthAddress(target.Healthcheck); address.port == target.HTTPPort && plainPath(address.path) {
		route += ", health: " + address.path
	}
	line := "x-gapless: {route: {" + route + "}}"
	if existing := lookup(mapping, settingsKey); existing != nil {
		r.insertInto(read, existing, target.Name, []string{"route: {" + route + "}"}, "requests reach "+target.Name+" through the edge")
		return
	}
	r.insertInto(read, mapping, target.Name, []string{line}, "requests reach "+target.Name+" through the edge")
}

func plainPath(path string) bool {
	return !strings.ContainsAny(path, "{}[],:#&*!|>'\"%@` $")
}

// definition finds the mapping of a service in the file that says most about it.
func (r *Proposal) definition(p *Project, serviceName string) (source, *yaml.Node, bool) {
	for _, read := range p.sources {
		service := lookup(lookup(read.root, "services"), serviceName)
		if service != nil && service.Kind == yaml.MappingNode && service.Anchor == "" {
			return read, service, true
		}
	}
	return source{}, nil, false
}

// insertInto puts lines before the first entry of a mapping.
func (r *Proposal) insertInto(read source, mapping *yaml.Node, owner string, lines []string, why string) {
	all := strings.Split(string(read.content), "\n")
	if mapping.Kind != yaml.MappingNode || len(mapping.Content) == 0 {
		r.note("add %s to %s by hand", strings.Join(lines, " "), owner)
		return
	}
	text := strings.TrimSuffix(all[mapping.Line-1], "\r")
	offset := runeOffset(text, mapping.Column)
	if mapping.Style&yaml.FlowStyle != 0 {
		changed := text[:offset+1] + strings.Join(lines, ", ") + ", " + text[offset+1:]
		r.add(Edit{File: read.file, First: mapping.Line, Count: 1, Lines: []string{changed}, Why: why})
		return
	}
	key := mapping.Content[0]
	indentation := all[key.Line-1][:runeOffset(all[key.Line-1], key.Column)]
	if strings.TrimSpace(indentation) != "" {
		r.note("add %s to %s by hand", strings.Join(lines, " "), owner)
		return
	}
	var indented []string
	for _, line := range lines {
		indented = append(indented, indentation+line)
	}
	r.add(Edit{File: read.file, First: key.Line, Lines: indented, Why: why})
}

func oneLine(text string) string { return escapeControl(strings.ReplaceAll(text, "\n", " ")) }

// routedPort is the published port that the edge takes over.
func routedPort(service Service) (port Port, found bool) {
	wanted := service.HTTPPort
	if service.Route != nil {
		wanted = service.Route.Port // another port that is published stays
	}
	for _, port := range service.HostPorts {
		if port.Container == wanted && port.Protocol == "tcp" {
			return port, true
		}
	}
	return Port{}, false
}
