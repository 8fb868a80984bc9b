package update

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gapless/internal/project"
)

// TestRestoreStopsEveryWriter: also what the release leaves as it is, however many
// there are; and nobody who is left out can write meanwhile.
func TestRestoreStopsEveryWriter(t *testing.T) {
	s := restoring()
	_, plan := s.must(t)
	exchange := slices.IndexFunc(plan.Steps(), func(step Step) bool { _, is := step.(*ExchangeStep); return is })
	stopped := map[string]bool{}
	for _, row := range plan.Rows() {
		if row.Line.Verb == "stop" && row.Place.Step <= exchange {
			stopped[row.Line.Object] = true
		}
	}
	for _, c := range s.running {
		if stopped[c.Name] != (c.Service != "db") {
			t.Errorf("%s stops before the exchange: %t\n%s", c.Name, stopped[c.Name], plan.Text())
		}
	}
	s.running = append(slices.Clone(s.running), up("unknown", 1))
	var refused *RefusedError
	if _, _, err := s.build(); !errors.As(err, &refused) || !strings.Contains(refused.Instead, "docker stop shop-unknown-1") {
		t.Errorf("a container of no service: %v", err)
	}
}

// TestRestoreIsNotWatched: what is written while it is watched would be lost.
func TestRestoreIsNotWatched(t *testing.T) {
	s := restoring()
	s.options.Watch = DefaultWarm
	if _, plan := s.must(t); len(plan.Phases) == 0 || strings.Contains(plan.Text(), "\nwatch ") {
		t.Error(plan.Text())
	}
}

// TestRestoreFails: whatever of it fails, what was there serves again on its own
// data, and nothing is left but what somebody wrote.
func TestRestoreFails(t *testing.T) {
	for broken, c := range map[string]struct {
		result Result
		aside  int
	}{
		"fill begins": {ResultAborted, 0}, "fill ends": {ResultAborted, 0}, "written": {ResultAborted, 0},
		"exchange db": {ResultRolledBack, 0}, "create shop-worker-2": {ResultRolledBack, 1},
	} {
		w, plan := restoring().must(t)
		before := w.summary()
		w.brokenCall = broken
		outcome, _, err := start(w, &plan)
		if err != nil || outcome.Result != c.result || outcome.Cause == nil {
			t.Errorf("%s: %v, %s: %v, stuck %v", broken, err, outcome.Result, outcome.Cause, outcome.Stuck)
		}
		if w.summary() != before || len(w.violations) > 0 || w.restored.aside != c.aside {
			t.Errorf("%s: %v, %d databases kept\n%s", broken, w.violations, w.restored.aside, w.summary())
		}
		if said := slices.ContainsFunc(w.notices, func(text string) bool { return strings.Contains(text, "stays as") }); said != (c.aside > 0) {
			t.Errorf("%s: %q", broken, w.notices)
		}
	}
}

// TestStartsWithMigrations finds what migrates in the commands that people write.
func TestStartsWithMigrations(t *testing.T) {
	p := newPlanner(State{Containers: []Container{{Service: "image", Number: 1, Entrypoint: []string{"/entrypoint.sh"}, Command: []string{"flyway", "-X", "migrate"}}}}, &project.Project{}, nil, Options{})
	for said, strict := range map[string]string{
		"alembic upgrade head":                     "Can't locate revision",
		"sh -c 'cd /app && alembic upgrade head'":  "Can't locate revision",
		"/usr/bin/migrate -path /m -database x up": "no migration found for version",
		"python manage.py migrate --noinput":       "goes on",
		"goose -dir m postgres up":                 "goes on",
		"bin/rails db:migrate":                     "goes on",
		"gunicorn app":                             "",
		"alembic current":                          "",
		"celery -A upgrade worker":                 "",
	} {
		command, got := p.startsWithMigrations(project.Service{Name: "api", Command: strings.Fields(said)})
		if command != "" && got == "" {
			got = "goes on"
		}
		if got != strict {
			t.Errorf("%q: %q, want %q", said, got, strict)
		}
	}
	if command, _ := p.startsWithMigrations(project.Service{Name: "image"}); command != "flyway migrate" {
		t.Errorf("the command of the image: %q", command)
	}
}

// TestWayBackIsRecorded: a rollback later has nobody to ask.
func TestWayBackIsRecorded(t *testing.T) {
	_, plan := judgedScenario("", Options{Migrations: MigrationsCompatible}, nil, dropsSize).must(t)
	if len(plan.Migrations) != 1 || !plan.Migrations[0].Judged || !slices.Equal(plan.Migrations[0].Irreversible, dropsSize.Irreversible) {
		t.Errorf("%+v", plan.Migrations)
	}
	if _, plan = contracted(judgedScenario("", Options{}, nil)).must(t); len(plan.Migrations) == 0 || plan.Migrations[0].Judged {
		t.Errorf("what is not due was not judged: %+v", plan.Migrations)
	}
	for want, m := range map[string]Migrated{
		"irreversible: gone, and 1 more":                                       {Judged: true, Irreversible: []string{"gone", "lost"}},
		"whether it can be taken back was not judged":                          {},
		"reversible, and best left as it is: the version before works with it": {Judged: true, Verdict: MigrationsCompatible},
		"reversible, by a migration of its own":                                {Judged: true, Verdict: MigrationsBreaking},
	} {
		if got := m.WayBack(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
