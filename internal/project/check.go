package project

import (
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

const settingsKey = "x-gapless"

// Limits of values that Compose accepts and that an update cannot work with.
const (
	maxReplicas      = 100
	maxRetries       = 100
	maxNameLength    = 63
	minMemoryBytes   = 6 << 20 // the engine refuses less
	maxContainerName = 128
)

// checker judges a project. Faults stop an update, risks become findings.
type checker struct {
	index     *sourceIndex
	variables types.Mapping
	faults    *problems
	risks     risks
	recorded  map[string]renderedService // set when a rendered project is read

	recordedPage string // the maintenance page of a rendered project
}

// risks collects findings.
type risks struct{ problems }

func (r *risks) findings() []Finding {
	var findings []Finding
	for _, problem := range r.sorted() {
		findings = append(findings, Finding{problem})
	}
	return findings
}

// fault reports a problem at the place of the path.
func (c *checker) fault(path, hint, format string, args ...any) {
	c.faults.add(c.index.at(path), path, hint, format, args...)
}

func (c *checker) risk(path, hint, format string, args ...any) {
	c.risks.add(c.index.at(path), path, hint, format, args...)
}

// raw checks what is written, before the loader resolves it: our own block and
// every variable, each at its place.
func (c *checker) raw() {
	for _, file := range c.index.sources {
		if file.root == nil {
			continue
		}
		c.rawSettings(file)
		scan := variableScan{checker: c, file: file.file, seen: map[*yaml.Node]bool{}}
		scan.visit(file.root, "")
	}
	c.topLevelTypes()
}

func (c *checker) rawSettings(file source) {
	decoder := c.decoder(file.file)
	c.misspelt(file, "", file.root)
	if node := lookup(file.root, settingsKey); node != nil && node.Tag != "!reset" {
		decoder.decode(node, settingsKey, &Settings{})
	}
	services := lookup(file.root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return
	}
	eachEntry(services, func(name, service *yaml.Node) {
		if service.Kind == yaml.AliasNode {
			service = service.Alias
		}
		c.misspelt(file, join("services", name.Value), service)
		if node := lookup(service, settingsKey); node != nil && node.Tag != "!reset" {
			decoder.decode(node, join("services", name.Value)+"."+settingsKey, &ServiceSettings{})
		}
	})
}

// misspelt refuses x- keys that almost are ours: Compose ignores them, so that
// nobody else would notice.
func (c *checker) misspelt(file source, path string, mapping *yaml.Node) {
	if mapping.Kind != yaml.MappingNode {
		return
	}
	const mostEdits = 2
	eachEntry(mapping, func(key, _ *yaml.Node) {
		if key.Value != settingsKey && distance(key.Value, settingsKey) <= mostEdits {
			place := position{file.file, key.Line, key.Column}
			c.faults.add(place, join(path, key.Value), "did you mean "+settingsKey+"?", "unknown key %s", printable(key.Value))
		}
	})
}

func (c *checker) decoder(file string) *settingsDecoder {
	return &settingsDecoder{
		faults: c.faults,
		place: func(_ string, node *yaml.Node) position {
			return position{file: file, line: node.Line, column: node.Column}
		},
		resolve: func(value string) (string, error) { return template.Substitute(value, c.variables.Resolve) },
	}
}

// settings decodes the merged blocks and builds the services from them. The
// files were checked one by one before, so that what remains to be reported is
// what only the merged project shows.
func (c *checker) settings(p *Project) {
	decoder := &settingsDecoder{
		faults:  c.faults,
		place:   func(path string, _ *yaml.Node) position { return c.index.at(path) },
		resolve: func(value string) (string, error) { return value, nil },
		deferred: func(path string, place position) {
			c.risks.add(place, path, "", "%s: accepted, has no effect in this version", path)
		},
		services: append(p.Compose.ServiceNames(), p.Compose.DisabledServiceNames()...),
	}
	if node := extensionNode(p.Compose.Extensions); node != nil {
		decoder.decode(node, settingsKey, &p.Settings)
	}
	c.maintenance(p)
	c.notify(p.Settings.Notify)
	own := map[string]ServiceSettings{}
	for _, name := range p.Compose.ServiceNames() {
		settings := ServiceSettings{}
		if node := extensionNode(p.Compose.Services[name].Extensions); node != nil {
			decoder.decode(node, join("services", name)+"."+settingsKey, &settings)
		}
		own[name] = settings
	}
	buildServices(p, own, c.recorded)
	c.combinations(p, own)
}

// extensionNode returns the x-gapless block as a node, nil when there is none.
func extensionNode(extensions types.Extensions) *yaml.Node {
	value, found := extensions[settingsKey]
	if !found || value == nil {
		return nil
	}
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return nil
	}
	return &node
}

// topLevelTypes refuses values that the loader answers with an error without a
// place.
func (c *checker) topLevelTypes() {
	found := false
	for _, file := range c.index.sources {
		services := lookup(file.root, "services")
		switch {
		case lookup(file.root, "include") != nil:
			found = true
		case services == nil:
		case services.Kind == yaml.MappingNode:
			found = found || len(services.Content) > 0
		case services.Kind == yaml.ScalarNode && services.Tag == "!!null":
		default:
			c.faults.add(position{file.file, services.Line, services.Column}, "services", minimalExample,
				"services: a mapping of service names expected, not a %s", kindName(services))
			found = true
		}
	}
	if !found {
		c.fault("services", minimalExample, "there are no services in %s", strings.Join(c.files(), ", "))
	}
}

func (c *checker) files() []string {
	var files []string
	for _, file := range c.index.sources {
		files = append(files, file.file)
	}
	return files
}
