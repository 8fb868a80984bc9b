package project

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// addVolume proposes one more mount of a service, where its others are written.
func (r *Proposal) addVolume(p *Project, service Service, volume string) {
	why := service.Name + " sees the socket of the edge"
	read, mapping, found := r.definition(p, service.Name)
	if !found {
		r.note("add the volume %s to %s by hand", volume, service.Name)
		return
	}
	volumes := lookup(mapping, "volumes")
	switch {
	case volumes == nil:
		r.insertInto(read, mapping, service.Name, []string{`volumes: ["` + volume + `"]`}, why)
	case volumes.Kind != yaml.SequenceNode || volumes.Anchor != "" || !r.appendItem(read, volumes, volume, why):
		r.note("add the volume %s to %s by hand", volume, service.Name)
	}
}

// appendItem adds a text to the end of a list. It gives up where that is more
// than a new line, or a change of one.
func (r *Proposal) appendItem(read source, list *yaml.Node, text, why string) bool {
	lines := strings.Split(string(read.content), "\n")
	if list.Style&yaml.FlowStyle != 0 {
		line := strings.TrimSuffix(lines[list.Line-1], "\r")
		open := runeOffset(line, list.Column)
		items, length := flowItems(line[open:])
		if len(items) != max(1, len(list.Content)) {
			return false
		}
		separator := ", "
		if len(list.Content) == 0 {
			separator = ""
		}
		return r.replaceLine(read, list.Line, line[:open+length]+separator+`"`+text+`"`+line[open+length:], why)
	}
	if len(list.Content) == 0 {
		return false
	}
	last := list.Content[len(list.Content)-1]
	if last.Kind == yaml.ScalarNode && last.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return false
	}
	first := lines[list.Line-1]
	dash := strings.Index(first, "-")
	if dash < 0 || strings.TrimSpace(first[:dash]) != "" {
		return false
	}
	r.add(Edit{File: read.file, First: lastLine(last) + 1, Lines: []string{first[:dash] + "- " + text}, Why: why})
	return true
}
