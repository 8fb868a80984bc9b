package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gapless/internal/update"
)

func judgeDjango(ctx context.Context, lab Laboratory, r Request) (Report, error) {
	defer clear(ctx, lab, r.Run)
	report := Report{Service: r.Service.Name, Source: update.JudgedByTrace, Migrations: []Migration{}}
	r.Say("asking the new image of " + r.Service.Name + " which migrations are due")
	now, err := askDjango(ctx, lab, r.spec("ask", r.NewImage, factsCommand(r.Service.FrameworkCommand, askMigrations)))
	if err != nil || len(now.Due) == 0 {
		return report, err
	}
	found, untraced := Report{}, r.Untraced
	if untraced == "" {
		found, untraced, err = traceDjango(ctx, lab, r, now)
		if err != nil {
			return report, err
		}
	}
	if untraced == "" {
		return found, nil
	}
	return djangoStatements(ctx, lab, r, untraced)
}

func askDjango(ctx context.Context, lab Laboratory, spec update.CreateSpec) (facts, error) {
	printed, err := lab.Ask(ctx, spec, askLimit)
	if err != nil {
		return facts{}, err
	}
	return parseFacts(printed)
}

// djangoStatements judges by what Django says that it would run.
func djangoStatements(ctx context.Context, lab Laboratory, r Request, untraced string) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedBySQL, Untraced: untraced, Migrations: []Migration{}}
	said, err := askDjango(ctx, lab, r.spec("ask-sql", r.NewImage, factsCommand(r.Service.FrameworkCommand, askSQL)))
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

// traceDjango runs the migrations in a shadow. untraced is why that cannot be
// done.
func traceDjango(ctx context.Context, lab Laboratory, r Request, now facts) (report Report, untraced string, err error) {
	of, server, why, err := findServer(ctx, lab, r, now.Connection)
	if err != nil || why != "" {
		return report, why, err
	}
	s, err := readSchema(ctx, lab, of, server, now.Connection.Name)
	if err != nil {
		return report, "the schema of the database cannot be read: " + err.Error(), ctx.Err()
	}
	var names []string
	for _, d := range now.Due {
		names = append(names, d.Name)
	}
	key := r.key(names, s)
	if report, found := r.cached(key); found {
		report.weigh(s.sizes)
		return report, "", nil
	}
	r.Say(fmt.Sprintf("running %s of %s in a shadow of %s, which touches nothing", counted(len(now.Due)), r.Service.Name, of))
	report, err = runDjango(ctx, lab, r, now, s, of)
	if err != nil {
		return report, "they do not run in a shadow of the database: " + err.Error(), ctx.Err()
	}
	r.keep(key, report)
	report.weigh(s.sizes)
	return report, "", nil
}

// findServer finds the container that the application calls its database. why
// says that there is none of which a shadow can be made.
func findServer(ctx context.Context, lab Laboratory, r Request, c connection) (of string, server update.PostgresServer, why string, err error) {
	switch {
	case c.Vendor != "postgresql":
		return "", server, "a shadow is made of Postgres alone, and the application uses " + c.Vendor, nil
	case c.Host == "" || strings.HasPrefix(c.Host, "/"):
		return "", server, "the application reaches its database through a socket", nil
	case c.Port != "" && c.Port != "5432":
		return "", server, "the database is at port " + c.Port, nil
	}
	for _, d := range r.Databases {
		server, err := lab.Server(ctx, d.Container)
		if err != nil {
			return "", server, "", err
		}
		if slices.Contains(server.Names, c.Host) {
			return d.Container, server, "", nil
		}
	}
	return "", server, "its database " + c.Host + " is no running Postgres of this project", nil
}

// runDjango makes the shadow, and compares what is there afterwards with the code
// of both versions.
func runDjango(ctx context.Context, lab Laboratory, r Request, now facts, s schema, of string) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedByTrace, Migrations: []Migration{}}
	// The old code says what it knows while the shadow comes up.
	var was facts
	found, failed, err := trace(ctx, lab, r, s, of, func(t *trial) (err error) {
		spec := r.spec("ask-old", r.OldImage, factsCommand(r.Service.FrameworkCommand, askModels))
		spec.Network = t.network
		was, err = askDjango(ctx, lab, spec)
		return err
	})
	if err != nil {
		return report, err
	}
	return compare(report, now, was, s, found, failed)
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
		broken := slices.Concat(without(misfits(was.Models, after), misfits(was.Models, before)), stricter(was.Models, before, after))
		m.BreaksOld = append(broken, m.BreaksOld...)
		m.BreaksNew = without(misfits(now.Models, before), misfits(now.Models, after))
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
