package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Limits of one compose file. They are far above what people write and far
// below what makes a parser burn time or memory.
const (
	maxFileBytes = 1 << 20
	maxDepth     = 64
	maxNodes     = 20_000
)

const minimalExample = "the smallest compose file is: services: {web: {image: nginx:1.29}}"

// readLimited reads a regular file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	status, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !status.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return content, nil
}

// guard parses one file and refuses what would hurt the loader: see the limits
// above. The source has no root when the file holds only comments.
func guard(file string, content []byte, faults *problems) (source, bool) {
	place := position{file: file}
	if reason := notText(content); reason != "" {
		faults.add(place, "", "save the file as UTF-8", "not a compose file (UTF-8 YAML mapping expected): %s", reason)
		return source{}, false
	}
	document, ok := parseOne(file, content, faults)
	if !ok {
		return source{}, false
	}
	if document == nil {
		return source{file: file, content: content}, true
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return source{file: file}, true
	}
	if root.Kind != yaml.MappingNode {
		place.line, place.column = root.Line, root.Column
		faults.add(place, "", minimalExample, "not a compose file (UTF-8 YAML mapping expected): the top level is a %s", kindName(root))
		return source{}, false
	}
	inspection := inspection{file: file, faults: faults, open: map[*yaml.Node]bool{}}
	inspection.visit(root, 1)
	return source{file: file, content: content, root: root}, !inspection.failed
}

func notText(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}), bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		return "it starts with a UTF-16 byte order mark"
	case bytes.IndexByte(content, 0) >= 0:
		return "it contains a NUL byte"
	case len(content) > maxFileBytes:
		return fmt.Sprintf("it is larger than %d bytes", maxFileBytes)
	case !utf8.Valid(content):
		return "it is not valid UTF-8"
	}
	return ""
}

// parseOne parses the only document of the content; nil when there is none.
func parseOne(file string, content []byte, faults *problems) (document *yaml.Node, ok bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	err := decodeNode(decoder, &first)
	if errors.Is(err, io.EOF) {
		return nil, true
	}
	if err != nil {
		addSyntaxError(file, content, err, faults)
		return nil, false
	}
	err = decodeNode(decoder, &second)
	if errors.Is(err, io.EOF) {
		return &first, true
	}
	place := position{file: file, line: second.Line, column: second.Column}
	if err != nil {
		addSyntaxError(file, content, err, faults)
		return nil, false
	}
	faults.add(place, "", "put the second document into a file of its own and pass it with another -f", "one YAML document expected, a second one starts here")
	return nil, false
}

// decodeNode keeps a defect of the parser from ending the program.
func decodeNode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the YAML parser failed: %v", cause)
		}
	}()
	return decoder.Decode(node)
}

var yamlLine = regexp.MustCompile(`line (\d+)(?:, column (\d+))?`)

func addSyntaxError(file string, content []byte, err error, faults *problems) {
	place := position{file: file}
	if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
		place.line, _ = strconv.Atoi(match[1])
		place.column, _ = strconv.Atoi(match[2])
	}
	hint := "check the indentation and the colons around this line"
	if line, column := tabIndentation(content); line > 0 {
		place.line, place.column = line, column
		hint = "indent with spaces, YAML does not allow tabs"
	}
	faults.add(place, "", hint, "not valid YAML: %s", err)
}

// tabIndentation finds the first line that is indented with a tab.
func tabIndentation(content []byte) (line, column int) {
	for i, text := range bytes.Split(content, []byte("\n")) {
		indentation := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if tab := bytes.IndexByte(indentation, '\t'); tab >= 0 && len(bytes.TrimSpace(text)) > 0 {
			return i + 1, tab + 1
		}
	}
	return 0, 0
}

func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	case yaml.AliasNode:
		return "alias"
	}
	switch node.Tag {
	case "!!str":
		return "string"
	case "!!int", "!!float":
		return "number"
	case "!!bool":
		return "boolean"
	case "!!null":
		return "null"
	}
	return "scalar"
}
