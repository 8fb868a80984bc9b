package project

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// position is a place in a file, 1-based.
type position struct {
	file         string
	line, column int
}

// source is one compose file that passed the guard.
type source struct {
	file    string
	content []byte
	root    *yaml.Node // mapping, nil when the file is empty
}

// sourceIndex finds the place of a dotted path over all files; a later file
// overrides an earlier one, as in Compose.
type sourceIndex struct {
	sources []source
	keys    map[string]position
	nodes   map[string]*yaml.Node
}

func newSourceIndex(sources []source) *sourceIndex {
	index := &sourceIndex{sources: sources, keys: map[string]position{}, nodes: map[string]*yaml.Node{}}
	for _, file := range sources {
		if file.root != nil {
			index.walk(file.file, "", file.root, file.root)
		}
	}
	return index
}

func (x *sourceIndex) walk(file, path string, key, value *yaml.Node) {
	place := position{file: file, line: key.Line, column: key.Column}
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if path != "" {
		x.keys[path] = place
		x.nodes[path] = value
	}
	switch value.Kind {
	case yaml.MappingNode:
		eachEntry(value, func(entryKey, entryValue *yaml.Node) {
			x.walk(file, join(path, entryKey.Value), entryKey, entryValue)
		})
	case yaml.SequenceNode:
		for i, item := range value.Content {
			x.walk(file, join(path, strconv.Itoa(i)), item, item)
		}
	}
}

// at returns the place of the path, or of the nearest parent that is written
// down, because much of a resolved project comes from defaults.
func (x *sourceIndex) at(path string) position {
	for {
		if place, found := x.keys[path]; found {
			return place
		}
		dot := strings.LastIndexByte(path, '.')
		if dot < 0 {
			break
		}
		path = path[:dot]
	}
	if len(x.sources) > 0 {
		return position{file: x.sources[0].file}
	}
	return position{}
}

// eachEntry visits the entries of a mapping as Compose sees them: entries that
// come from `<<` first, so that the mapping's own ones win.
func eachEntry(mapping *yaml.Node, visit func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if isMerge(mapping.Content[i]) {
			eachMerged(mapping.Content[i+1], visit)
		}
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if !isMerge(mapping.Content[i]) {
			visit(mapping.Content[i], mapping.Content[i+1])
		}
	}
}

func eachMerged(value *yaml.Node, visit func(key, value *yaml.Node)) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch value.Kind {
	case yaml.MappingNode:
		eachEntry(value, visit)
	case yaml.SequenceNode:
		for i := len(value.Content) - 1; i >= 0; i-- {
			eachMerged(value.Content[i], visit)
		}
	}
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

// lookup returns the value of a key of a mapping, nil when there is none.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	var found *yaml.Node
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	eachEntry(mapping, func(entryKey, value *yaml.Node) {
		if entryKey.Value == key {
			found = value
		}
	})
	if found != nil && found.Kind == yaml.AliasNode {
		found = found.Alias
	}
	return found
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
