package project

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
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
	c.schemaFaults()
	if len(c.faults.list) == before {
		c.inconsistencies(ctx, options)
	}
	if len(c.faults.list) == before {
		path := pathIn(err.Error())
		c.fault(path, "", "%s", redactAddress(shorten(err.Error())))
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
	defer silenceLogs()()
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
