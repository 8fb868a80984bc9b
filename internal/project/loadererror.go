package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	composepaths "github.com/compose-spec/compose-go/v2/paths"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// loaderError turns the loader's only error into every problem that can be
// found: the loader stops at the first one and rarely says where it stands.
func (c *checker) loaderError(ctx context.Context, options Options, err error) {
	before := len(c.faults.list)
	var missing *template.MissingRequiredError
	var invalid *template.InvalidTemplateError
	if errors.As(err, &missing) || errors.As(err, &invalid) {
		if before > 0 {
			return // the scan reported it where it stands
		}
	}
	if before > 0 && strings.Contains(err.Error(), "json: unsupported value") {
		return // the settings check reported the number
	}
	c.schemaFaults()
	for _, fault := range c.faults.list {
		if fault.Path == "services" {
			return // the loader can only say the same
		}
	}
	c.portFaults()
	c.decodingFaults(err.Error())
	c.envFiles(options)
	if len(c.faults.list) == before {
		c.inconsistencies(ctx, options)
	}
	if len(c.faults.list) == before {
		message := err.Error()
		path := pathIn(message)
		if strings.Contains(message, "failed to cast to expected type") {
			c.fault(path, "", "%s: a number or true or false expected, not %s", path, c.written(path))
			return
		}
		c.fault(path, "", "%s", redactAddress(shorten(message)))
	}
}

// written shows what stands at a path.
func (c *checker) written(path string) string {
	if node := c.index.nodes[path]; node != nil {
		return shown(path, node.Value)
	}
	return "this"
}

// portFaults parses every port in short form with the loader's own parser.
func (c *checker) portFaults() {
	for _, path := range sortedKeys(c.index.nodes) {
		parts := strings.Split(path, ".")
		if len(parts) < 4 || parts[0] != "services" || parts[len(parts)-2] != "ports" {
			continue
		}
		node := c.index.nodes[path]
		if node.Kind != yaml.ScalarNode {
			continue
		}
		text, err := template.Substitute(node.Value, c.variables.Resolve)
		if err != nil {
			continue
		}
		if _, err := types.ParsePortConfig(text); err != nil {
			c.fault(path, hintFor(path), "%s: %s in %s", path, err, printable(text))
		}
	}
}

var decodingFault = regexp.MustCompile(`(?m)^'((?:services|volumes|networks|secrets|configs)[^']*)' (.*)$`)

// decodingFaults takes apart the loader's list of values that have the right
// kind and the wrong content.
func (c *checker) decodingFaults(text string) {
	for _, match := range decodingFault.FindAllStringSubmatch(text, -1) {
		path := pathIn(strings.NewReplacer("[", ".", "]", "").Replace(match[1]))
		c.fault(path, hintFor(path), "%s: %s", path, redactAddress(match[2]))
	}
}

// envFiles reports every env_file that does not exist, where it is named.
func (c *checker) envFiles(options Options) {
	for _, path := range sortedKeys(c.index.nodes) {
		node := c.index.nodes[path]
		if !strings.Contains(path, ".env_file") || node.Kind != yaml.ScalarNode || strings.HasSuffix(path, ".format") || strings.HasSuffix(path, ".required") {
			continue
		}
		if required := c.index.nodes[strings.TrimSuffix(path, ".path")+".required"]; required != nil && required.Value == "false" {
			continue
		}
		text, err := template.Substitute(node.Value, c.variables.Resolve)
		if err != nil || text == "" {
			continue
		}
		directory := options.ProjectDirectory
		if directory == "" {
			directory = filepath.Dir(c.index.sources[0].file)
		}
		target := absolute(directory, composepaths.ExpandUser(text))
		if own := c.index.keys[path].file; filepath.Dir(own) != filepath.Dir(c.index.sources[len(c.index.sources)-1].file) {
			continue // relative to an included file, whose directory the loader knows
		}
		if _, err := os.Stat(target); os.IsNotExist(err) {
			c.fault(path, "create it, correct the path, or write required: false", "env_file %s does not exist", printable(target))
		}
	}
}

// inconsistencies loads once more without the loader's own check of
// references, and reports all of them.
func (c *checker) inconsistencies(ctx context.Context, options Options) {
	composeOptions, _, err := options.composeOptions()
	if err != nil {
		return
	}
	if err := cli.WithConsistency(false)(composeOptions); err != nil {
		return
	}
	if err := cli.WithLoadOptions(func(o *loader.Options) { o.SkipResolveLabels = true })(composeOptions); err != nil {
		return
	}
	model, err := composeOptions.LoadProject(ctx)
	if err != nil {
		return
	}
	c.references(model)
	c.cycles(model)
}

var quotedService = regexp.MustCompile(`service "([^"]+)"`)

var dottedPath = regexp.MustCompile(`\b(?:services|volumes|networks|secrets|configs)\.[A-Za-z0-9_.\-\[\]]+`)

// pathIn finds the place that the loader's message talks about.
func pathIn(message string) string {
	if path := dottedPath.FindString(message); path != "" {
		path = strings.NewReplacer("[", ".", "]", "").Replace(path)
		return strings.TrimRight(path, ".")
	}
	if match := quotedService.FindStringSubmatch(message); match != nil {
		return "services." + match[1]
	}
	return ""
}

func shorten(message string) string {
	const longest = 600
	if len(message) > longest {
		return message[:longest] + "..."
	}
	return message
}
