package project

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// variableScan resolves every variable of a file where it is written, because
// the loader stops at the first one and does not say where it stands.
type variableScan struct {
	*checker
	file string
	seen map[*yaml.Node]bool
}

func (s *variableScan) visit(node *yaml.Node, path string) {
	if s.seen[node] {
		return
	}
	s.seen[node] = true
	switch node.Kind {
	case yaml.AliasNode:
		s.visit(node.Alias, path)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			s.visit(node.Content[i+1], join(path, node.Content[i].Value))
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			s.visit(item, join(path, strconv.Itoa(i)))
		}
	case yaml.ScalarNode:
		s.scalar(node, path)
	}
}

func (s *variableScan) scalar(node *yaml.Node, path string) {
	if !strings.Contains(node.Value, "$") {
		return
	}
	place := position{file: s.file, line: node.Line, column: node.Column}
	unset := map[string]bool{}
	_, err := template.Substitute(node.Value, func(name string) (string, bool) {
		value, found := s.variables.Resolve(name)
		if !found {
			unset[name] = true
		}
		return value, found
	})
	if err != nil {
		s.fail(place, path, node.Value, err)
		return
	}
	for _, name := range slices.Sorted(mapKeys(unset)) {
		if plainVariable(node.Value, name) {
			s.risks.add(place, path, "set it in .env or in the environment", "%s: variable %s is not set and becomes empty", path, name)
		}
	}
}

// plainVariable tells whether a variable is used without a default.
func plainVariable(value, name string) bool {
	if strings.Contains(value, "${"+name+"}") {
		return true
	}
	_, rest, found := strings.Cut(value, "$"+name)
	return found && (rest == "" || !isNameChar(rest[0]))
}

func isNameChar(char byte) bool {
	return char == '_' || char >= '0' && char <= '9' || char >= 'a' && char <= 'z' || char >= 'A' && char <= 'Z'
}

func (s *variableScan) fail(place position, path, value string, err error) {
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		message := "variable " + missing.Variable + " is required and not set"
		if missing.Reason != "" {
			message += ": " + missing.Reason
		}
		s.faults.add(place, path, "set it in .env or in the environment", "%s: %s", path, message)
		return
	}
	s.faults.add(place, path, "write $$ for a dollar sign, ${NAME} or ${NAME:-default} for a variable",
		"%s: %s is not a valid variable", path, shown(path, value))
}
