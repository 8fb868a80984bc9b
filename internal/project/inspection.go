package project

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// inspection walks a parsed file as the loader will expand it, with every
// alias followed, and stops at the limits.
type inspection struct {
	file   string
	faults *problems
	open   map[*yaml.Node]bool // nodes between the root and here
	nodes  int
	failed bool
}

func (v *inspection) visit(node *yaml.Node, depth int) {
	if v.failed {
		return
	}
	v.nodes++
	switch {
	case v.nodes+len(node.Content) > maxNodes:
		v.stop(node, "split the file with include", "more than %d values, counted with every alias expanded", maxNodes)
		return
	case depth > maxDepth:
		v.stop(node, "flatten the file", "nested deeper than %d levels", maxDepth)
		return
	case v.open[node]:
		v.stop(node, "remove the alias inside its own anchor", "anchor &%s contains itself", node.Anchor)
		return
	}
	v.checkTag(node)
	if node.Kind == yaml.AliasNode {
		if v.open[node.Alias] {
			v.stop(node, "remove the alias inside its own anchor", "anchor &%s contains itself", node.Value)
			return
		}
		v.visit(node.Alias, depth)
		return
	}
	v.open[node] = true
	if node.Kind == yaml.MappingNode {
		v.checkKeys(node)
	}
	for _, child := range node.Content {
		v.visit(child, depth+1)
	}
	delete(v.open, node)
}

func (v *inspection) checkTag(node *yaml.Node) {
	switch tag := node.ShortTag(); tag {
	case "!reset", "!override", "", "!",
		"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!merge", "!!timestamp", "!!binary":
	default:
		v.stop(node, "only the tags !reset and !override mean something to Compose", "unknown tag %s", printable(tag))
	}
}

// checkKeys refuses keys that are written twice: which of the two counts
// differs between YAML readers.
func (v *inspection) checkKeys(mapping *yaml.Node) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			v.stop(key, "write the key as plain text", "a mapping key must be a string, this is a %s", kindName(key))
			return
		}
		if first, found := seen[key.Value]; found {
			v.faults.add(position{v.file, key.Line, key.Column}, "", "remove one of the two",
				"key %s is written twice, first at %d:%d", printable(key.Value), first.Line, first.Column)
			v.failed = true
		}
		seen[key.Value] = key
	}
}

func (v *inspection) stop(node *yaml.Node, hint, format string, args ...any) {
	v.failed = true
	v.faults.add(position{v.file, node.Line, node.Column}, "", hint, format, args...)
}

// printable shortens and quotes a value for a message.
func printable(value string) string {
	const longest = 80
	runes := []rune(value)
	if len(runes) > longest {
		value = string(runes[:longest]) + "..."
	}
	return `"` + lineBreaks.Replace(value) + `"`
}

var lineBreaks = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)
