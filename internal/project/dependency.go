package project

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// dependencyOrder sorts services so that each comes after what it depends on,
// by name where the dependencies leave a choice. Services on a cycle come last:
// the checks refuse them.
func dependencyOrder(services types.Services) []string {
	var order []string
	placed := map[string]bool{}
	names := slices.Sorted(mapKeys(services))
	for len(order) < len(names) {
		before := len(order)
		for _, name := range names {
			if !placed[name] && ready(services, services[name], placed) {
				placed[name] = true
				order = append(order, name)
			}
		}
		if len(order) == before {
			break
		}
	}
	for _, name := range names {
		if !placed[name] {
			order = append(order, name)
		}
	}
	return order
}

func ready(services types.Services, config types.ServiceConfig, placed map[string]bool) bool {
	for dependency := range config.DependsOn {
		if _, exists := services[dependency]; exists && !placed[dependency] {
			return false
		}
	}
	return true
}
