package project

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// SettingsSchema returns the JSON Schema of a compose file's x-gapless blocks,
// derived from the same types and tags that the strict reader uses, so that an
// editor and Gapless agree.
func SettingsSchema() []byte {
	type object = map[string]any
	service := object{
		"type": "object",
		"properties": object{
			settingsKey: schemaOf(reflect.TypeFor[ServiceSettings](), ""),
		},
	}
	document := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "x-gapless",
		"description": "the x-gapless blocks of a compose file; everything else belongs to the Compose specification",
		"type":        "object",
		"properties": object{
			settingsKey: schemaOf(reflect.TypeFor[Settings](), ""),
			"services":  object{"type": "object", "additionalProperties": service},
		},
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil // maps of strings always encode
	}
	return append(text, '\n')
}

// formatPatterns are the formats that a pattern can express.
var formatPatterns = map[string]string{
	"address":  `^\S*:[0-9]{1,5}$`,
	"path":     `^/`,
	"host":     hostPattern.String(),
	"urlpath":  `^/`,
	"signal":   signalPattern.String(),
	"percent":  percentPattern.String(),
	"variable": variablePattern.String(),
	"network":  `^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$`,
}

func schemaOf(fieldType reflect.Type, tag reflect.StructTag) map[string]any {
	if fieldType.Kind() == reflect.Pointer {
		fieldType = fieldType.Elem()
	}
	node := map[string]any{}
	switch {
	case fieldType == durationType:
		node["type"] = "string"
		node["pattern"] = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`
	case fieldType.Kind() == reflect.Struct:
		node["type"] = "object"
		node["additionalProperties"] = false
		node["properties"] = propertiesOf(fieldType)
	case fieldType.Kind() == reflect.Slice:
		node["type"] = "array"
		node["items"] = schemaOf(fieldType.Elem(), withoutBounds(tag))
		if minimum, err := strconv.Atoi(tag.Get("min")); err == nil {
			node["minItems"] = minimum
		}
	default:
		scalarSchema(node, fieldType.Kind(), tag)
	}
	return node
}

func propertiesOf(structType reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range structType.NumField() {
		field := structType.Field(i)
		node := schemaOf(field.Type, field.Tag)
		node["description"] = field.Tag.Get("doc")
		if field.Tag.Get("later") != "" {
			node["description"] = field.Tag.Get("doc") + " (accepted, has no effect in this version)"
		}
		properties[field.Tag.Get("yaml")] = node
	}
	return properties
}

// withoutBounds keeps the format and the choices for the items of a list; its
// bounds are about the list.
func withoutBounds(tag reflect.StructTag) reflect.StructTag {
	kept := ""
	for _, key := range []string{"format", "enum"} {
		if value := tag.Get(key); value != "" {
			kept += key + `:"` + value + `" `
		}
	}
	return reflect.StructTag(kept)
}

func scalarSchema(node map[string]any, kind reflect.Kind, tag reflect.StructTag) {
	switch kind {
	case reflect.Bool:
		node["type"] = "boolean"
	case reflect.Int:
		node["type"] = "integer"
	case reflect.Float64:
		node["type"] = "number"
	default:
		node["type"] = "string"
	}
	if choices := tag.Get("enum"); choices != "" {
		node["enum"] = strings.Split(choices, ",")
	}
	if pattern, found := formatPatterns[tag.Get("format")]; found {
		node["pattern"] = pattern
	}
	for key, name := range map[string]string{"min": "minimum", "max": "maximum"} {
		if bound, err := strconv.ParseFloat(tag.Get(key), 64); err == nil {
			node[name] = bound
		}
	}
}
