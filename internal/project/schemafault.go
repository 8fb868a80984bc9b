package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// composeSchema is the schema of the Compose specification, compiled and as
// plain data for the suggestions.
var composeSchema = sync.OnceValues(func() (*jsonschema.Schema, map[string]any) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.Schema))
	if err != nil {
		return nil, nil
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("compose.json", document); err != nil {
		return nil, nil
	}
	compiled, err := compiler.Compile("compose.json")
	if err != nil {
		return nil, nil
	}
	plain, _ := document.(map[string]any)
	return compiled, plain
})

// schemaFaults reports every place where a file does not have the form of a
// compose file. It runs only after the loader refused the project, because the
// loader is the judge of what is legal.
func (c *checker) schemaFaults() {
	compiled, plain := composeSchema()
	if compiled == nil {
		return
	}
	for _, file := range c.index.sources {
		if file.root == nil {
			continue
		}
		report := schemaReport{checker: c, file: file.file, index: newSourceIndex([]source{file}), schema: plain, seen: map[string]bool{}}
		model, err := json.Marshal(c.plain(file.root))
		if err != nil {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(model)))
		if err != nil {
			continue
		}
		if fault, ok := compiled.Validate(value).(*jsonschema.ValidationError); ok {
			report.add(fault)
		}
	}
}

// plain converts a node into data with variables resolved.
func (c *checker) plain(node *yaml.Node) any {
	switch node.Kind {
	case yaml.AliasNode:
		return c.plain(node.Alias)
	case yaml.MappingNode:
		values := map[string]any{}
		eachEntry(node, func(key, value *yaml.Node) {
			if value.Tag != "!reset" {
				values[key.Value] = c.plain(value)
			}
		})
		return values
	case yaml.SequenceNode:
		values := []any{}
		for _, item := range node.Content {
			values = append(values, c.plain(item))
		}
		return values
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return node.Value
	}
	if text, ok := value.(string); ok && strings.Contains(text, "$") {
		if resolved, err := template.Substitute(text, c.variables.Resolve); err == nil {
			return resolved
		}
	}
	return value
}

// schemaReport turns the tree of schema errors of one file into problems.
type schemaReport struct {
	*checker
	file   string
	index  *sourceIndex
	schema map[string]any
	seen   map[string]bool
}

// add reports the leaves; of alternatives only the one that got furthest,
// because the others are about forms that nobody meant.
func (r *schemaReport) add(fault *jsonschema.ValidationError) {
	switch fault.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		if deepest := deepestCause(fault); deepest != nil && len(deepest.InstanceLocation) > len(fault.InstanceLocation) {
			r.add(deepest)
			return
		}
		r.leaf(fault)
		return
	}
	if len(fault.Causes) == 0 {
		r.leaf(fault)
		return
	}
	for _, cause := range fault.Causes {
		r.add(cause)
	}
}

func deepestCause(fault *jsonschema.ValidationError) *jsonschema.ValidationError {
	var deepest *jsonschema.ValidationError
	for _, cause := range fault.Causes {
		candidate := cause
		if below := deepestCause(cause); below != nil {
			candidate = below
		}
		if deepest == nil || len(candidate.InstanceLocation) > len(deepest.InstanceLocation) {
			deepest = candidate
		}
	}
	return deepest
}

func (r *schemaReport) leaf(fault *jsonschema.ValidationError) {
	path := strings.Join(fault.InstanceLocation, ".")
	switch reason := fault.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range reason.Properties {
			r.unknown(path, key)
		}
	case *kind.FalseSchema:
		r.unknown(strings.Join(fault.InstanceLocation[:max(0, len(fault.InstanceLocation)-1)], "."), last(fault.InstanceLocation))
	default:
		r.wrong(path, fault)
	}
}

func (r *schemaReport) unknown(path, key string) {
	here := join(path, key)
	known := keysAt(r.schema, strings.Split(path, "."))
	if r.seen[here] || slices.Contains(known, key) {
		return // a known key is reported here when something below it is wrong
	}
	r.seen[here] = true
	switch path {
	case "services", "volumes", "networks", "secrets", "configs":
		r.faults.add(r.index.at(here), here, "use letters, digits, _ . and -", "%s name %s does not match ^[a-zA-Z0-9._-]+$", strings.TrimSuffix(path, "s"), printable(key))
		return
	}
	where := path
	if where == "" {
		where = "the top level"
	}
	r.faults.add(r.index.at(here), here, suggestKey(key, known), "unknown key %s in %s", printable(key), printable(where))
}

var english = message.NewPrinter(language.English)

func (r *schemaReport) wrong(path string, fault *jsonschema.ValidationError) {
	if r.seen[path] || path == "services" {
		return // topLevelTypes tells what services must be
	}
	r.seen[path] = true
	node := r.index.nodes[path]
	got := ""
	if node != nil {
		got = ", not " + kindName(node)
		if node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
			got = ", not " + shown(path, node.Value)
		}
	}
	want := expectation(fault)
	if strings.HasSuffix(path, ".container_name") {
		want = "at least two letters, digits, _ . or - expected"
	}
	r.faults.add(r.index.at(path), path, hintFor(path), "%s: %s%s", path, want, got)
}

// expectation says in words what the schema wants.
func expectation(fault *jsonschema.ValidationError) string {
	switch reason := fault.ErrorKind.(type) {
	case *kind.Type:
		return kindsWanted(reason.Want) + " expected"
	case *kind.Enum:
		var words []string
		for _, choice := range reason.Want {
			words = append(words, fmt.Sprint(choice))
		}
		return "one of " + strings.Join(words, ", ") + " expected"
	case *kind.OneOf, *kind.AnyOf:
		var wanted []string
		for _, cause := range fault.Causes {
			if typed, ok := cause.ErrorKind.(*kind.Type); ok {
				wanted = append(wanted, typed.Want...)
			}
		}
		if len(wanted) > 0 {
			return kindsWanted(wanted) + " expected"
		}
	}
	return fault.ErrorKind.LocalizedString(english)
}

// kindsWanted names the kinds of JSON with the words of YAML.
func kindsWanted(kinds []string) string {
	text := strings.Join(kinds, " or ")
	return strings.NewReplacer("object", "mapping", "array", "list").Replace(text)
}

func hintFor(path string) string {
	switch {
	case strings.HasSuffix(path, "interval"), strings.HasSuffix(path, "timeout"), strings.HasSuffix(path, "period"):
		return "a duration has the units us, ms, s, m or h, such as 1m30s"
	case strings.Contains(path, ".ports"):
		return "write ports as \"HOST:CONTAINER\" in quotes, from 1 to 65535"
	case strings.HasSuffix(path, ".condition"):
		return "write service_started, service_healthy or service_completed_successfully"
	}
	return ""
}
