package project

import (
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// maxSources bounds the files that one project may pull in.
const maxSources = 200

// readSources guards the compose files and every local file that they include
// or extend, before the loader opens any of them.
func readSources(options *cli.ProjectOptions, faults *problems) []source {
	directory, err := options.GetWorkingDir()
	if err != nil {
		faults.add(position{}, "", "", "find the project directory: %s", err)
		return nil
	}
	reader := sourceReader{faults: faults, seen: map[string]bool{}, variables: options.Environment}
	for _, file := range options.ConfigPaths {
		if file == "-" {
			faults.add(position{file: "-"}, "", "write it to a file: a release must be repeatable", "a compose file from standard input cannot be updated")
			continue
		}
		if isRemote(file) {
			faults.add(position{file: file}, "", "", "%s", ErrRemoteInclude)
			continue
		}
		path, err := filepath.Abs(file)
		if err != nil {
			faults.add(position{file: file}, "", "", "%s", err)
			continue
		}
		reader.read(path, directory, position{file: path})
	}
	if len(faults.list) == 0 && !reader.hasContent {
		faults.add(position{file: options.ConfigPaths[0]}, "", minimalExample, "the compose file is empty")
	}
	return reader.sources
}

type sourceReader struct {
	faults     *problems
	seen       map[string]bool
	variables  types.Mapping
	sources    []source
	hasContent bool
}

// read guards one file; from is the place that names it.
func (r *sourceReader) read(path, directory string, from position) {
	if r.seen[path] {
		return
	}
	r.seen[path] = true
	if len(r.seen) > maxSources {
		r.faults.add(from, "include", "", "more than %d compose files", maxSources)
		return
	}
	content, err := readLimited(path, maxFileBytes)
	if err != nil {
		if os.IsNotExist(err) {
			r.faults.add(from, "", "check the path and the directory", "compose file %s does not exist", printable(path))
			return
		}
		r.faults.add(from, "", "a compose file is a regular file of at most 1 MiB that this user may read; a larger one can be split with include",
			"read compose file %s: %s", printable(path), err)
		return
	}
	file, ok := guard(path, content, r.faults)
	if !ok {
		return
	}
	if file.root != nil && len(file.root.Content) > 0 {
		r.hasContent = true
	}
	r.follow(file, directory)
	r.sources = append(r.sources, file)
}

// follow reads the files that this one includes or extends.
func (r *sourceReader) follow(file source, directory string) {
	if include := lookup(file.root, "include"); include != nil && include.Kind == yaml.SequenceNode {
		for _, entry := range include.Content {
			r.include(file, directory, entry)
		}
	}
	services := lookup(file.root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return
	}
	eachEntry(services, func(_, service *yaml.Node) {
		if service.Kind == yaml.AliasNode {
			service = service.Alias
		}
		if path := lookup(lookup(service, "extends"), "file"); path != nil {
			target := absolute(directory, r.substitute(path.Value))
			r.reference(file, path, target, filepath.Dir(target))
		}
	})
}

func (r *sourceReader) include(file source, directory string, entry *yaml.Node) {
	if entry.Kind == yaml.AliasNode {
		entry = entry.Alias
	}
	paths, projectDirectory := entry, ""
	if entry.Kind == yaml.MappingNode {
		paths = lookup(entry, "path")
		if node := lookup(entry, "project_directory"); node != nil {
			projectDirectory = absolute(directory, r.substitute(node.Value))
		}
	}
	if paths == nil {
		return
	}
	items := []*yaml.Node{paths}
	if paths.Kind == yaml.SequenceNode {
		items = paths.Content
	}
	for _, item := range items {
		target := absolute(directory, r.substitute(item.Value))
		if projectDirectory == "" {
			projectDirectory = filepath.Dir(target)
		}
		r.reference(file, item, target, projectDirectory)
	}
}

func (r *sourceReader) reference(file source, node *yaml.Node, target, directory string) {
	place := position{file: file.file, line: node.Line, column: node.Column}
	if value := r.substitute(node.Value); isRemote(value) {
		r.faults.add(place, "include", "", "%s: %s", printable(value), ErrRemoteInclude)
		return
	}
	r.read(target, directory, place)
}

// substitute resolves variables in a path; what cannot be resolved is left to
// the loader to complain about.
func (r *sourceReader) substitute(value string) string {
	resolved, err := template.Substitute(value, r.variables.Resolve)
	if err != nil {
		return value
	}
	return resolved
}
