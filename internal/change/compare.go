package change

import (
	"fmt"
	"slices"
	"strings"
)

// SourceChange says which parts of a build context differ from what the
// running image was built from.
type SourceChange struct {
	// Known is false when the earlier source was not recorded. Then anything
	// may have changed.
	Known        bool     `json:"known"`
	Code         bool     `json:"code,omitempty"`
	Dependencies bool     `json:"dependencies,omitempty"`
	Static       bool     `json:"static,omitempty"`
	Docker       bool     `json:"docker,omitempty"` // the Dockerfile or the build section
	Base         bool     `json:"base,omitempty"`   // the image that it is built upon
	Migrations   []string `json:"migrations,omitempty"`
}

// staticChanged begins the words for a change of static files.
const staticChanged = "static files changed"

// StaticOnly tells whether nothing but static files differs.
func (s SourceChange) StaticOnly() bool {
	return s.Known && s.Static && !s.Code && !s.Dependencies && !s.Docker && !s.Base && len(s.Migrations) == 0
}

// and joins the differences of two containers of one service.
func (s SourceChange) and(other SourceChange) SourceChange {
	other.Code = other.Code || s.Code
	other.Dependencies = other.Dependencies || s.Dependencies
	other.Static = other.Static || s.Static
	other.Docker = other.Docker || s.Docker
	other.Base = other.Base || s.Base
	other.Migrations = append(missingFrom(other.Migrations, s.Migrations), other.Migrations...)
	return other
}

// since compares a source with an earlier one and says the differences.
func (s Source) since(before Source) (SourceChange, []Cause) {
	difference := SourceChange{Known: true, Migrations: missingFrom(before.Migrations, s.Migrations)}
	edited := s.editedParts(before)
	var causes []Cause
	say := func(words string) { causes = append(causes, Cause{KindSource, words}) }
	if files, differs := edited[PartCode]; differs {
		difference.Code = true
		say("code changed" + named(files))
	}
	if files, differs := edited[PartDependencies]; differs {
		difference.Dependencies = true
		say("dependencies changed" + named(files))
	}
	if files, differs := edited[PartDocker]; differs {
		difference.Docker = true
		say("build files changed" + named(files))
	}
	if s.Dockerfile != before.Dockerfile {
		difference.Docker = true
		say("Dockerfile changed")
	}
	if s.Settings != before.Settings {
		difference.Docker = true
		say("build settings changed")
	}
	if count := len(difference.Migrations); count > 0 {
		say(plural(count, "new migration") + named(difference.Migrations))
	}
	if files, differs := edited[PartStatic]; differs {
		difference.Static = true
		say(staticChanged + named(files))
	}
	return difference, causes
}

// editedParts lists the parts that differ with their files, as far as these
// are known. A new migration is told by its name; one that was edited or
// removed is a change of the code.
func (s Source) editedParts(before Source) map[Part][]string {
	edited := map[Part][]string{}
	for _, part := range []Part{PartCode, PartDependencies, PartStatic, PartDocker} {
		if s.Parts[part] != before.Parts[part] {
			edited[part] = nil
		}
	}
	if s.Files == nil || before.Files == nil {
		if len(missingFrom(s.Migrations, before.Migrations)) > 0 {
			edited[PartCode] = nil
		}
		return edited
	}
	for _, file := range differing(s.Files, before.Files) {
		part := partOf(file)
		_, existed := before.Files[file]
		if part == PartMigrations && existed {
			part = PartCode
		}
		if part != PartMigrations {
			edited[part] = append(edited[part], file)
		}
	}
	return edited
}

// differing lists the keys whose values are not the same in both, in order.
func differing(a, b map[string]string) []string {
	var keys []string
	for key, value := range a {
		if other, known := b[key]; !known || other != value {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, known := a[key]; !known {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// missingFrom lists what is in all and not in some.
func missingFrom(some, all []string) []string {
	var missing []string
	for _, name := range all {
		if !slices.Contains(some, name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// named shows the first names of a list in brackets; nothing for none.
func named(names []string) string {
	const shown = 2
	switch {
	case len(names) == 0:
		return ""
	case len(names) <= shown:
		return " (" + strings.Join(names, ", ") + ")"
	}
	return fmt.Sprintf(" (%s and %d more)", names[0], len(names)-1)
}

func plural(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}
