package project

import (
	"strconv"
	"strings"
)

// keysAt lists the keys that the schema knows at a path.
func keysAt(root map[string]any, path []string) []string {
	nodes := []map[string]any{root}
	for _, step := range path {
		if step != "" {
			nodes = descend(root, nodes, step)
		}
	}
	known := map[string]bool{}
	for _, node := range expand(root, nodes) {
		properties, _ := node["properties"].(map[string]any)
		for key := range properties {
			known[key] = true
		}
	}
	return sortedKeys(known)
}

func descend(root map[string]any, nodes []map[string]any, step string) []map[string]any {
	var below []map[string]any
	add := func(value any) {
		if node, ok := value.(map[string]any); ok {
			below = append(below, node)
		}
	}
	for _, node := range expand(root, nodes) {
		if properties, ok := node["properties"].(map[string]any); ok && properties[step] != nil {
			add(properties[step])
			continue
		}
		patterns, _ := node["patternProperties"].(map[string]any)
		for pattern, value := range patterns {
			if !strings.HasPrefix(pattern, "^x-") {
				add(value)
			}
		}
		if _, err := strconv.Atoi(step); err == nil {
			add(node["items"])
		}
		add(node["additionalProperties"])
	}
	return below
}

// expand follows references and alternatives.
func expand(root map[string]any, nodes []map[string]any) []map[string]any {
	var all []map[string]any
	for _, node := range nodes {
		all = append(all, node)
		if pointer, ok := node["$ref"].(string); ok {
			if target := resolvePointer(root, pointer); target != nil {
				all = append(all, expand(root, []map[string]any{target})...)
			}
		}
		for _, key := range []string{"allOf", "anyOf", "oneOf"} {
			list, _ := node[key].([]any)
			for _, item := range list {
				if alternative, ok := item.(map[string]any); ok {
					all = append(all, expand(root, []map[string]any{alternative})...)
				}
			}
		}
	}
	return all
}

func resolvePointer(root map[string]any, pointer string) map[string]any {
	current := root
	for _, step := range strings.Split(strings.TrimPrefix(pointer, "#/"), "/") {
		next, ok := current[step].(map[string]any)
		if !ok {
			return nil
		}
		current = next
	}
	return current
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
