package project

import (
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// removePort proposes to delete the published port that the edge takes over,
// wherever it is written.
func (r *Proposal) removePort(p *Project, target Service, port Port) {
	removed := false
	for _, read := range p.sources {
		service := lookup(lookup(read.root, "services"), target.Name)
		if service == nil || service.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(service.Content); i += 2 {
			key, ports := service.Content[i], service.Content[i+1]
			if key.Value != "ports" || ports.Kind != yaml.SequenceNode {
				continue
			}
			if index := portIndex(p, ports, port); index >= 0 {
				removed = r.removeItem(read, service, i, index) || removed
			}
		}
	}
	if !removed {
		r.note("remove the published port %s from %s by hand", port, target.Name)
	}
}

// portIndex finds the entry of a list of ports that publishes exactly this port.
func portIndex(p *Project, ports *yaml.Node, port Port) int {
	return slices.IndexFunc(ports.Content, func(item *yaml.Node) bool {
		if item.Kind == yaml.MappingNode {
			published := lookup(item, "published")
			return published != nil && published.Value == strconv.Itoa(port.Host)
		}
		reader := sourceReader{variables: p.Compose.Environment}
		parsed, err := types.ParsePortConfig(reader.substitute(item.Value))
		return err == nil && len(parsed) == 1 && parsed[0].Published == strconv.Itoa(port.Host)
	})
}

// removeItem deletes one entry of a list, and the key when nothing is left.
func (r *Proposal) removeItem(read source, service *yaml.Node, keyIndex, item int) bool {
	key, ports := service.Content[keyIndex], service.Content[keyIndex+1]
	lines := strings.Split(string(read.content), "\n")
	why := "the edge publishes it instead"
	inFlow := service.Style&yaml.FlowStyle != 0
	switch {
	case ports.Style&yaml.FlowStyle != 0:
		return r.removeFlow(read, service, keyIndex, item, lines)
	case inFlow:
		return false
	case len(ports.Content) == 1:
		r.add(Edit{File: read.file, First: key.Line, Count: lastLine(ports) - key.Line + 1, Why: why})
	default:
		entry := ports.Content[item]
		r.add(Edit{File: read.file, First: entry.Line, Count: lastLine(entry) - entry.Line + 1, Why: why})
	}
	return true
}

// removeFlow deletes an entry of a list in brackets. It gives up when the list
// spans lines, or holds anything but plain and quoted texts.
func (r *Proposal) removeFlow(read source, service *yaml.Node, keyIndex, item int, lines []string) bool {
	key, ports := service.Content[keyIndex], service.Content[keyIndex+1]
	text := strings.TrimSuffix(lines[ports.Line-1], "\r")
	open := runeOffset(text, ports.Column)
	items, length := flowItems(text[open:])
	if key.Line != ports.Line || len(items) != len(ports.Content) {
		return false
	}
	why := "the edge publishes it instead"
	if len(items) > 1 {
		items = slices.Delete(items, item, item+1)
		items[0] = strings.TrimLeft(items[0], " ")
		changed := text[:open+1] + strings.Join(items, ",") + text[open+length:]
		return r.replaceLine(read, ports.Line, changed, why)
	}
	if service.Style&yaml.FlowStyle == 0 {
		r.add(Edit{File: read.file, First: key.Line, Count: 1, Why: why})
		return true
	}
	before := strings.TrimRight(text[:runeOffset(text, key.Column)], " ")
	rest := strings.TrimLeft(text[open+length+1:], " ")
	if following, found := strings.CutPrefix(rest, ","); found {
		following = strings.TrimLeft(following, " ")
		if strings.HasSuffix(before, ",") {
			following = " " + following
		}
		return r.replaceLine(read, ports.Line, before+following, why)
	}
	return r.replaceLine(read, ports.Line, strings.TrimSuffix(before, ",")+rest, why)
}

// flowItems splits a list of texts that begins with a bracket, and returns
// where its closing one is; no items if it does not end here or has nested
// parts. Within quotes every character is text, as in "${PORT}:80".
func flowItems(text string) (items []string, length int) {
	var quote byte
	begin := 1
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ',':
			items = append(items, text[begin:i])
			begin = i + 1
		case c == ']':
			return append(items, text[begin:i]), i
		case strings.IndexByte("[{#", c) >= 0:
			return nil, 0
		}
	}
	return nil, 0
}

// replaceLine changes one line; an edit of the same line that is already
// proposed cannot be combined with it.
func (r *Proposal) replaceLine(read source, line int, text, why string) bool {
	for i, edit := range r.Edits {
		if edit.File == read.file && edit.First == line && edit.Count == 1 {
			return r.combine(i, read, line, text)
		}
	}
	r.add(Edit{File: read.file, First: line, Count: 1, Lines: []string{text}, Why: why})
	return true
}

// combine joins an insertion behind a brace with a removal further right on
// the same line.
func (r *Proposal) combine(index int, read source, line int, removed string) bool {
	original := strings.TrimSuffix(strings.Split(string(read.content), "\n")[line-1], "\r")
	inserted := r.Edits[index].Lines[0]
	common := 0
	for common < len(original) && original[common] == inserted[common] {
		common++
	}
	addition := inserted[common : common+len(inserted)-len(original)]
	if common > len(removed) || removed[:common] != original[:common] {
		return false
	}
	r.Edits[index].Lines[0] = removed[:common] + addition + removed[common:]
	return true
}

// lastLine is the last line on which a node or something below it starts. A
// port is never a text of several lines.
func lastLine(node *yaml.Node) int {
	line := node.Line
	for _, child := range node.Content {
		line = max(line, lastLine(child))
	}
	return line
}
