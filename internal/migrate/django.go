package migrate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gapless/internal/update"
)

func parseAnswer(printed []string, err error) (facts, error) {
	if err != nil {
		return facts{}, err
	}
	return parseFacts(printed)
}

// djangoStatements judges by what Django says that it would run.
func djangoStatements(ctx context.Context, lab Laboratory, r Request, untraced string) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedBySQL, Untraced: untraced, Migrations: []Migration{}}
	r.Say("asking the new image of " + r.Service.Name + " which migrations are due")
	said, err := parseAnswer(lab.Ask(ctx, r.spec("ask-sql", r.NewImage, factsCommand(r.Service.FrameworkCommand, askSQL)), askLimit))
	if err != nil {
		return report, err
	}
	s := sight{due: dueByName(said.Due)}
	for _, d := range said.Due {
		var m Migration
		if d.SQL == nil {
			m = s.verdict(d.Name, nil)
			m.Unknown = append(m.Unknown, "Django cannot write it as SQL before the ones before it have run")
		} else {
			m = s.verdict(d.Name, []tracedStatement{{SQL: *d.SQL}})
		}
		report.Migrations = append(report.Migrations, m)
	}
	report.weigh(nil)
	return report, nil
}

func dueByName(all []due) map[string]due {
	byName := map[string]due{}
	for _, d := range all {
		byName[d.Name] = d
	}
	return byName
}

// reaches is why an application does not work on the server; nil if it does.
func reaches(c connection, server update.PostgresServer) error {
	switch {
	case c.Vendor != "postgresql":
		return errors.New("a shadow is made of Postgres alone, and the application uses " + c.Vendor)
	case c.Host == "" || strings.HasPrefix(c.Host, "/"):
		return errors.New("the application reaches its database through a socket")
	case c.Port != "" && c.Port != "5432":
		return errors.New("the database is at port " + c.Port)
	case !slices.Contains(server.Names, c.Host):
		return errors.New("its database " + c.Host + " is no running Postgres of this project")
	}
	return nil
}

// runDjango compares what is there after the migrations with the code of both
// versions. All of it speaks in the network of the shadow: what an image does when
// it starts must not meet the real database. It returns the schema of the database
// that the code uses.
func runDjango(ctx context.Context, lab Laboratory, r Request, s schema, of string, server update.PostgresServer) (Report, schema, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedByTrace, Migrations: []Migration{}}
	t, err := openTrial(ctx, lab, r, of, server)
	if err != nil {
		return report, s, err
	}
	was, err := t.models(ctx, r)
	if err == nil {
		err = reaches(was.Connection, server)
	}
	if err == nil && was.Connection.Name != s.database {
		s, err = readSchema(ctx, lab, of, server, was.Connection.Name)
	}
	if err == nil {
		err = t.load(ctx, s)
	}
	if err != nil {
		return report, s, err
	}
	now, failed, err := t.migrateDjango(ctx, r, was.Connection)
	if err != nil {
		return report, s, err
	}
	found, err := t.finish(ctx)
	if err != nil {
		return report, s, err
	}
	if len(now.Due) == 0 && len(found.Migrations) > 0 {
		report.ByItself, now.Due = true, unasked(found)
	}
	report, err = compare(report, now, was, s, found, failed)
	return report, s, err
}

// models asks the code that runs now. Most images answer while the shadow comes
// up; some want to see a database when they start.
func (t *trial) models(ctx context.Context, r Request) (facts, error) {
	question := r.spec("ask-old", r.OldImage, factsCommand(r.Service.FrameworkCommand, askModels))
	was, err := parseAnswer(t.ask(ctx, question, askLimit))
	if err == nil || ctx.Err() != nil {
		return was, err
	}
	if err := t.await(ctx); err != nil {
		return was, err
	}
	return parseAnswer(t.ask(ctx, question, askLimit))
}

// migrateDjango asks the new image what is due, and lets it migrate. failed is why
// the command did not end well; what happened until then counts.
func (t *trial) migrateDjango(ctx context.Context, r Request, before connection) (now facts, failed, err error) {
	if err := t.say(ctx, noteBegin); err != nil {
		return now, nil, err
	}
	now, err = parseAnswer(t.ask(ctx, r.spec("ask-new", r.NewImage, factsCommand(r.Service.FrameworkCommand, askMigrations)), askLimit))
	if err == nil && now.Connection != before {
		err = errors.New("the new version uses another database than the one that runs")
	}
	if err != nil || len(now.Due) == 0 {
		return now, nil, err
	}
	if err := t.say(ctx, noteBegin); err != nil { // what it asked is over
		return now, nil, err
	}
	_, failed = t.ask(ctx, r.spec("trial", r.NewImage, r.Service.Migrate), trialLimit)
	return now, failed, ctx.Err()
}

// unasked are migrations that ran before the question which ones are due was
// answered. What else they do is not known.
func unasked(found traced) []due {
	var all []due
	for _, m := range found.Migrations {
		all = append(all, due{Name: m.Name, Operations: []operation{{Text: "it", Reversible: true, Code: true}}})
	}
	return all
}

// compare says what each migration does to the code of both versions.
func compare(report Report, now, was facts, s schema, found traced, failed error) (Report, error) {
	report.Compared = true
	shots, err := parseSnapshots(found.Snapshots)
	if err != nil {
		return report, err
	}
	see := sight{version: s.version, sizes: s.sizes, due: dueByName(now.Due), old: was.Models, first: &shots[0].Catalog}
	if see.old == nil {
		see.old = []model{}
	}
	before := shots[0].Catalog
	for _, d := range now.Due {
		at := slices.IndexFunc(found.Migrations, func(t tracedMigration) bool { return t.Name == d.Name })
		shot := slices.IndexFunc(shots, func(s snapshot) bool { return s.Name == d.Name })
		if at < 0 || shot < 0 {
			m := see.verdict(d.Name, unfinished(found))
			m.Unknown = append(m.Unknown, notRun(failed))
			report.Migrations = append(report.Migrations, m)
			break // those after it did not run at all
		}
		after := shots[shot].Catalog
		see.widens = widened(before, after)
		m := see.verdict(d.Name, found.Migrations[at].Statements)
		// A program that commits as it goes over rows says so in its settings alone: the
		// shadow has no rows.
		m.Repeatable = repeatable(found.Migrations[at].Statements) && (d.Atomic || !see.runsCode(d.Name))
		broken := slices.Concat(without(misfits(was.Models, after), misfits(was.Models, before)), stricter(was.Models, before, after))
		m.BreaksOld = append(broken, m.BreaksOld...)
		m.BreaksNew = slices.Concat(without(misfits(now.Models, before), misfits(now.Models, after)), stricter(now.Models, after, before))
		m.MayNeed = slices.Concat(relied(now.Models, before, after), beyondShape(found.Migrations[at].Statements))
		m.survived()
		report.Migrations = append(report.Migrations, m)
		before = after
	}
	for _, d := range now.Due[len(report.Migrations):] {
		m := Migration{Judged: update.Judged{Name: d.Name, Unknown: []string{"it did not get to run in the shadow"}}, Statements: []Statement{}}
		report.Migrations = append(report.Migrations, m)
	}
	return report, nil
}

// unfinished are the statements of a migration that did not come to its end.
func unfinished(found traced) []tracedStatement {
	if n := len(found.Migrations); n > 0 && found.Migrations[n-1].Name == "" {
		return found.Migrations[n-1].Statements
	}
	return nil
}

func notRun(failed error) string {
	if failed == nil {
		return "the migrate command did not run it in the shadow"
	}
	return "it does not run in a shadow, which has no rows: " + failed.Error()
}
