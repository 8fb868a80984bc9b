package change

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// ConfigChange names what differs in the configuration of a service: names
// only, because values may be secrets.
type ConfigChange struct {
	// Known is false when the earlier configuration was not recorded.
	Known       bool     `json:"known"`
	Environment []string `json:"environment,omitempty"` // variables
	Fields      []string `json:"fields,omitempty"`      // other keys, as in a compose file
}

// and joins the differences of two containers of one service.
func (c ConfigChange) and(other ConfigChange) ConfigChange {
	if len(c.Environment)+len(c.Fields) == 0 {
		return other
	}
	other.Known = other.Known && c.Known
	other.Environment = append(missingFrom(other.Environment, c.Environment), other.Environment...)
	other.Fields = append(missingFrom(other.Fields, c.Fields), other.Fields...)
	return other
}

// compareConfig compares what Compose compares: neither the build nor the
// number of containers are part of it.
func compareConfig(was, is types.ServiceConfig) ConfigChange {
	before, after := hashedFields(was), hashedFields(is)
	difference := ConfigChange{Known: before != nil && after != nil}
	for _, key := range differingRaw(before, after) {
		if key == "environment" {
			difference.Environment = differingVariables(was.Environment, is.Environment)
		} else {
			difference.Fields = append(difference.Fields, key)
		}
	}
	return difference
}

// hashedFields is the part of a service that its configuration hash covers, by
// key; nil if it cannot be written down.
func hashedFields(service types.ServiceConfig) map[string]json.RawMessage {
	service.Build, service.DependsOn, service.Profiles, service.Scale, service.PullPolicy = nil, nil, nil, nil, ""
	if service.Deploy != nil {
		deploy := *service.Deploy
		deploy.Replicas = nil
		service.Deploy = &deploy
	}
	text, err := json.Marshal(service)
	if err != nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	return fields
}

func differingRaw(before, after map[string]json.RawMessage) []string {
	var keys []string
	for key, value := range after {
		if !bytes.Equal(before[key], value) {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, known := after[key]; !known {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func differingVariables(before, after types.MappingWithEquals) []string {
	values := func(variables types.MappingWithEquals) map[string]string {
		plain := map[string]string{}
		for name, value := range variables {
			plain[name] = "unset"
			if value != nil {
				plain[name] = "=" + *value
			}
		}
		return plain
	}
	return differing(values(after), values(before))
}

// words says the difference, as "configuration changed (environment DEBUG)".
func (c ConfigChange) words() string {
	parts := slices.Clone(c.Fields)
	if len(c.Environment) > 0 {
		parts = append([]string{"environment " + listed(c.Environment)}, parts...)
	}
	if len(parts) == 0 {
		return "configuration changed"
	}
	return "configuration changed (" + strings.Join(parts, ", ") + ")"
}

// listed joins some names and counts the others.
func listed(names []string) string {
	const shown = 4
	if len(names) > shown {
		return strings.Join(names[:shown-1], " ") + " and " + plural(len(names)-shown+1, "other")
	}
	return strings.Join(names, " ")
}
