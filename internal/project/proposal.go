package project

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Proposal is what `gapless init` would write: edits of the compose files, and
// notes about what only a person can do.
type Proposal struct {
	Edits []Edit // by file and line
	Notes []string

	project *Project
	socket  string // that the edge is proposed to listen on
	shown   []shownFile
}

// shownFile is a file of a front with the change that is to be made by hand.
type shownFile struct {
	frontFile
	edits []Edit
}

// Empty says whether there is nothing to change.
func (r Proposal) Empty() bool { return len(r.Edits) == 0 }

// Files lists the files with edits, in the order of the project.
func (r Proposal) Files() []string {
	var files []string
	for _, edit := range r.Edits {
		if !slices.Contains(files, edit.File) {
			files = append(files, edit.File)
		}
	}
	return files
}

// Apply returns the new content of one file. The given content must be the one
// that was loaded, else ErrChanged.
func (r Proposal) Apply(file string, content []byte) ([]byte, error) {
	edits := r.editsOf(file)
	hash := sha256.Sum256(content)
	for _, edit := range edits {
		if !bytes.Equal(edit.beforeHash, hash[:]) {
			return nil, fmt.Errorf("%s: %w", file, ErrChanged)
		}
	}
	return applyEdits(content, edits), nil
}

// Diff renders all edits as one unified diff.
func (r Proposal) Diff() string {
	var text strings.Builder
	for _, file := range r.Files() {
		if read, ok := r.project.source(file); ok {
			text.WriteString(unifiedDiff(file, read.content, r.editsOf(file)))
		}
	}
	return text.String()
}

// ByHand is a unified diff of the files of a front that only their owner
// changes; empty if there is nothing to change in them.
func (r Proposal) ByHand() string {
	var text strings.Builder
	for _, f := range r.shown {
		text.WriteString(unifiedDiff(f.path, []byte(f.text), f.edits))
	}
	return text.String()
}

func (r Proposal) editsOf(file string) []Edit {
	var edits []Edit
	for _, edit := range r.Edits {
		if edit.File == file {
			edits = append(edits, edit)
		}
	}
	return edits
}

// add keeps the edits sorted.
func (r *Proposal) add(edit Edit) {
	if read, ok := r.project.source(edit.File); ok {
		hash := sha256.Sum256(read.content)
		edit.beforeHash = hash[:]
	}
	r.Edits = append(r.Edits, edit)
	order := r.project.sourceOrder()
	slices.SortStableFunc(r.Edits, func(a, b Edit) int {
		if a.File != b.File {
			return order[a.File] - order[b.File]
		}
		return a.First - b.First
	})
}

func (r *Proposal) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (p *Project) source(file string) (source, bool) {
	for _, read := range p.sources {
		if read.file == file {
			return read, true
		}
	}
	return source{}, false
}

func (p *Project) sourceOrder() map[string]int {
	order := map[string]int{}
	for i, read := range p.sources {
		order[read.file] = i
	}
	return order
}
