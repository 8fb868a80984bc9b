package update

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/project"
)

// addWayBack records which of the migrations there is no way back from: a later
// rollback has nobody to ask.
func (p *Planner) addWayBack() {
	for i, m := range p.plan.Migrations {
		judged := p.state.Judgements[m.Service]
		if judged == nil || judged.Verdict() == "" {
			continue
		}
		found := 0
		for _, one := range judged.Migrations {
			if slices.Contains(m.Names, one.Name) {
				found++
				p.plan.Migrations[i].Irreversible = append(p.plan.Migrations[i].Irreversible, one.Irreversible...)
			}
		}
		p.plan.Migrations[i].Judged = found > 0 && found == len(m.Names)
	}
}

// WayBack says whether what was migrated can be taken back, for somebody who goes
// back to a version before.
func (m Migrated) WayBack() string {
	switch {
	case len(m.Irreversible) > 0:
		text := "irreversible: " + m.Irreversible[0]
		if more := len(m.Irreversible) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
		return text
	case !m.Judged:
		return "whether it can be taken back was not judged"
	case m.Verdict == MigrationsCompatible:
		return "reversible, and best left as it is: the version before works with it"
	}
	return "reversible, by a migration of its own"
}

// starters are the programs that migrate a schema. Those that are strict end with
// an error where the schema has migrations that they do not know.
var starters = []struct {
	words  []string
	strict string // what it says then; empty: it goes on
}{
	{[]string{"alembic", "upgrade"}, "Can't locate revision"},
	{[]string{"flask", "db", "upgrade"}, "Can't locate revision"},
	{[]string{"flyway", "migrate"}, "Validate failed: Detected applied migration not resolved locally"},
	{[]string{"goose", "up"}, ""},
	{[]string{"manage.py", "migrate"}, ""},
	{[]string{"django-admin", "migrate"}, ""},
	{[]string{"prisma", "migrate"}, ""},
	{[]string{"db:migrate"}, ""},
	{[]string{"artisan", "migrate"}, ""},
	{[]string{"migrate", "-path", "up"}, "no migration found for version"},
	{[]string{"migrate", "-database", "up"}, "no migration found for version"},
	{[]string{"migrate", "-source", "up"}, "no migration found for version"},
}

// warnAtStart says which containers of the release that comes back migrate when
// they start, on a schema that is newer than they are.
func (p *Planner) warnAtStart() {
	if len(p.options.Crosses) == 0 || p.options.Restore != nil {
		return
	}
	for _, w := range p.work {
		if !writes(w.service) && !w.is(project.RoleJob) {
			continue
		}
		command, strict := p.startsWithMigrations(w.service)
		switch {
		case strict != "":
			p.note(w.service.Name, false, "runs %s when it starts, which ends with an error on a schema that is newer (%q): it will not come up unless its command leaves that out, and the rollback is then taken back", command, strict)
		case command != "":
			p.note(w.service.Name, false, "runs %s when it starts, on a schema that is newer than it knows: where that ends with an error it does not come up, and the rollback is taken back", command)
		case p.options.AtStart[w.service.Name]:
			p.note(w.service.Name, false, "its image migrates when a container starts, on a schema that is newer than it knows: Alembic and golang-migrate end with an error then, Django and goose do not")
		}
	}
}

// startsWithMigrations finds the command that migrates in what a service runs; the
// image may have more in its entrypoint.
func (p *Planner) startsWithMigrations(s project.Service) (command, strict string) {
	said := strings.Join(append(slices.Clone(s.Entrypoint), s.Command...), " ")
	if said == "" {
		for _, c := range p.state.ContainersOf(s.Name) { // the image decides, and the newer one is all that is known
			said = strings.Join(append(slices.Clone(c.Entrypoint), c.Command...), " ")
		}
	}
	words := strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" \t\n;&|'\"()=", r) })
	for i, word := range words {
		words[i] = word[strings.LastIndex(word, "/")+1:]
	}
	for _, one := range starters {
		if inOrder(one.words, words) {
			return strings.Join(one.words, " "), one.strict
		}
	}
	return "", ""
}

// inOrder tells whether all of some words are among others, in their order.
func inOrder(wanted, words []string) bool {
	for _, word := range words {
		if len(wanted) > 0 && word == wanted[0] {
			wanted = wanted[1:]
		}
	}
	return len(wanted) == 0
}
