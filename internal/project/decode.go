package project

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// settingsDecoder reads an x-gapless block strictly: a key that nobody knows
// is a mistake, and a mistake in a deployment tool must not pass silently.
type settingsDecoder struct {
	faults   *problems
	resolve  func(value string) (string, error) // variables, never nil
	place    func(path string, node *yaml.Node) position
	deferred func(path string, place position) // told about keys without effect
	services []string                          // names for format "service", nil when unknown
}

var durationType = reflect.TypeFor[time.Duration]()

// decode fills the struct that target points to.
func (d *settingsDecoder) decode(node *yaml.Node, path string, target any) {
	d.value(node, path, reflect.ValueOf(target).Elem(), "")
}

func (d *settingsDecoder) value(node *yaml.Node, path string, target reflect.Value, tag reflect.StructTag) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	switch {
	case target.Type() == durationType:
		d.duration(node, path, target)
	case target.Kind() == reflect.Struct:
		d.mapping(node, path, target)
	case target.Kind() == reflect.Slice:
		d.list(node, path, target, tag)
	default:
		d.scalar(node, path, target, tag)
	}
}

func (d *settingsDecoder) mapping(node *yaml.Node, path string, target reflect.Value) {
	if node.Kind != yaml.MappingNode {
		d.wrong(node, path, "a mapping with the keys "+strings.Join(keysOf(target.Type()), ", "))
		return
	}
	eachEntry(node, func(key, value *yaml.Node) {
		field, found := fieldOf(target.Type(), key.Value)
		here := join(path, key.Value)
		if !found {
			d.faults.add(d.place(here, key), here, suggestKey(key.Value, keysOf(target.Type())), "unknown key %s in %s", printable(key.Value), printable(path))
			return
		}
		if field.Tag.Get("later") != "" && d.deferred != nil {
			d.deferred(here, d.place(here, key))
		}
		d.value(value, here, target.FieldByIndex(field.Index), field.Tag)
	})
}

func (d *settingsDecoder) list(node *yaml.Node, path string, target reflect.Value, tag reflect.StructTag) {
	if node.Kind != yaml.SequenceNode {
		want := "a list"
		if tag.Get("format") == "" && tag.Get("enum") == "" && node.Kind == yaml.ScalarNode && target.Type().Elem().Kind() != reflect.Struct {
			want = "an argv list such as [python, manage.py, migrate], never a shell string"
		}
		d.wrong(node, path, want)
		return
	}
	if minimum, _ := strconv.Atoi(tag.Get("min")); len(node.Content) < minimum {
		d.wrong(node, path, fmt.Sprintf("at least %d entry", minimum))
		return
	}
	items := reflect.MakeSlice(target.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		d.value(item, join(path, strconv.Itoa(i)), items.Index(i), tag)
	}
	target.Set(items)
}

func (d *settingsDecoder) scalar(node *yaml.Node, path string, target reflect.Value, tag reflect.StructTag) {
	text, ok := d.text(node, path, wanted(target))
	if !ok {
		return
	}
	switch target.Kind() {
	case reflect.String:
		d.word(node, path, text, target, tag)
	case reflect.Bool:
		value, err := strconv.ParseBool(text)
		if err != nil || (text != "true" && text != "false") {
			d.wrong(node, path, "true or false")
			return
		}
		target.SetBool(value)
	case reflect.Int:
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !within(float64(value), tag) {
			d.wrong(node, path, "a whole number"+rangeOf(tag))
			return
		}
		target.SetInt(value)
	case reflect.Float64:
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(value) || !within(value, tag) {
			d.wrong(node, path, "a number"+rangeOf(tag))
			return
		}
		target.SetFloat(value)
	}
}

// word checks a string against the enumeration or the format of its field.
func (d *settingsDecoder) word(node *yaml.Node, path, text string, target reflect.Value, tag reflect.StructTag) {
	if choices := tag.Get("enum"); choices != "" {
		allowed := strings.Split(choices, ",")
		for _, choice := range allowed {
			if text == choice {
				target.SetString(text)
				return
			}
		}
		place := d.place(path, node)
		d.faults.add(place, path, suggestKey(text, allowed), "%s: %s is not one of %s", path, printable(text), strings.Join(allowed, ", "))
		return
	}
	want := checkFormat(tag.Get("format"), text, d.services)
	if want != "" {
		d.wrong(node, path, want)
		return
	}
	target.SetString(text)
}

func (d *settingsDecoder) duration(node *yaml.Node, path string, target reflect.Value) {
	const want = "a duration above 0 such as 500ms, 30s, 15m or 1h30m"
	text, ok := d.text(node, path, want)
	if !ok {
		return
	}
	value, err := time.ParseDuration(text)
	if err != nil || value <= 0 {
		d.wrong(node, path, want)
		return
	}
	target.SetInt(int64(value))
}

// text returns a scalar with its variables resolved.
func (d *settingsDecoder) text(node *yaml.Node, path, want string) (string, bool) {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		d.wrong(node, path, want)
		return "", false
	}
	text, err := d.resolve(node.Value)
	if err != nil {
		return "", false // the variable check reports it with its name
	}
	if strings.ContainsFunc(text, func(char rune) bool { return char < ' ' || char == 0x7f }) {
		d.wrong(node, path, "text without control characters")
		return "", false
	}
	return text, true
}

func (d *settingsDecoder) wrong(node *yaml.Node, path, want string) {
	got := kindName(node)
	if node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		got = shown(path, node.Value)
	}
	d.faults.add(d.place(path, node), path, "write "+want, "%s: %s expected, not %s", path, want, got)
}
