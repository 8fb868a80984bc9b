package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gapless/internal/update"
)

// ErrNotKnown says that nothing tells which migrations are due.
var ErrNotKnown = errors.New("nothing tells which migrations are due: see x-gapless.migrate.pending")

// judgeDeclared judges the migrations of a service by its commands alone. What
// the old code uses, nobody says: that is judged by the statements.
func judgeDeclared(ctx context.Context, lab Laboratory, r Request) (Report, error) {
	defer clear(ctx, lab, r.Run)
	untraced := r.Untraced
	if untraced == "" {
		report, why, err := traceDeclared(ctx, lab, r)
		if err != nil || why == "" {
			return report, err
		}
		untraced = why
	}
	none := Report{Service: r.Service.Name, Source: update.JudgedBySQL, Untraced: untraced, Migrations: []Migration{}}
	if len(r.Service.Pending) == 0 {
		return none, fmt.Errorf("%w (%s)", ErrNotKnown, untraced)
	}
	printed, err := lab.Ask(ctx, r.spec("ask", r.NewImage, r.Service.Pending), askLimit)
	if err != nil {
		return none, err
	}
	names := r.Service.PlannedMigrations(printed)
	if len(names) == 0 {
		return none, nil
	}
	return declaredStatements(ctx, lab, r, names, untraced)
}

// traceDeclared runs the migrate command in a shadow. untraced is why that cannot
// be done.
func traceDeclared(ctx context.Context, lab Laboratory, r Request) (report Report, untraced string, err error) {
	if len(r.Databases) != 1 {
		return report, fmt.Sprintf("which of %d running Postgres of this project it works on is not known", len(r.Databases)), nil
	}
	of := r.Databases[0].Container
	server, err := lab.Server(ctx, of)
	if err != nil {
		return report, "", err
	}
	s, err := readSchema(ctx, lab, of, server, server.Database)
	if err != nil {
		return report, "the schema of the database cannot be read: " + err.Error(), ctx.Err()
	}
	key := r.key(s)
	if report, found := r.cached(key); found {
		report.weigh(s.sizes)
		return report, "", nil
	}
	r.Say(fmt.Sprintf("running the migrations of %s in a shadow of %s, which touches nothing", r.Service.Name, of))
	found, names, err := runDeclared(ctx, lab, r, s, of, server)
	if err != nil {
		return report, "they do not run in a shadow of the database: " + err.Error(), ctx.Err()
	}
	if report, err = byStatements(r, names, s, found); err != nil {
		return report, err.Error(), nil
	}
	r.keep(key, report)
	report.weigh(s.sizes)
	return report, "", nil
}

// runDeclared runs the migrate command against a shadow, and asks there before
// which migrations are due, if the settings say how.
func runDeclared(ctx context.Context, lab Laboratory, r Request, s schema, of string, server update.PostgresServer) (found traced, names []string, err error) {
	t, err := openTrial(ctx, lab, r, of, server)
	if err == nil {
		err = t.load(ctx, s)
	}
	if err == nil && len(r.Service.Pending) > 0 {
		var printed []string
		printed, err = t.ask(ctx, r.spec("ask-new", r.NewImage, r.Service.Pending), askLimit)
		names = r.Service.PlannedMigrations(printed)
	}
	if err == nil {
		err = t.say(ctx, noteBegin)
	}
	if err == nil {
		_, err = t.ask(ctx, r.spec("trial", r.NewImage, r.Service.Migrate), trialLimit)
	}
	if err == nil {
		found, err = t.finish(ctx)
	}
	if err == nil && !found.Connected {
		err = errors.New("the command does not work on this database")
	}
	return found, names, err
}

// byStatements judges what ran in a shadow without knowing what the old code
// uses.
func byStatements(r Request, names []string, s schema, found traced) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedByTrace, Migrations: []Migration{}}
	shots, err := parseSnapshots(found.Snapshots)
	if err != nil {
		return report, err
	}
	see := sight{version: s.version, sizes: s.sizes, first: &shots[0].Catalog}
	for _, m := range found.Migrations {
		name := m.Name
		if name == "" {
			if name = strings.Join(names, ", "); name == "" {
				name = "what " + r.Service.Name + " migrates"
			}
		}
		report.Migrations = append(report.Migrations, see.verdict(name, m.Statements))
	}
	if len(report.Migrations) == 0 {
		for _, name := range names {
			report.Migrations = append(report.Migrations, Migration{Judged: update.Judged{Name: name, Unknown: []string{notRun(nil)}}, Statements: []Statement{}})
		}
	}
	return report, nil
}

// declaredStatements judges by the SQL that a command of the settings prints.
func declaredStatements(ctx context.Context, lab Laboratory, r Request, names []string, untraced string) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedBySQL, Untraced: untraced, Migrations: []Migration{}}
	if len(r.Service.MigrationSQL) == 0 {
		for _, name := range names {
			unknown := []string{"x-gapless.migrate.sql does not say which command prints its SQL"}
			report.Migrations = append(report.Migrations, Migration{Judged: update.Judged{Name: name, Class: update.ClassUnknown, Unknown: unknown}, Statements: []Statement{}})
		}
		return report, nil
	}
	printed, err := lab.Ask(ctx, r.spec("ask-sql", r.NewImage, r.Service.MigrationSQL), askLimit)
	if err != nil {
		return report, err
	}
	var s sight
	report.Migrations = append(report.Migrations, s.verdict(strings.Join(names, ", "), []tracedStatement{{SQL: strings.Join(printed, "\n")}}))
	report.weigh(nil)
	return report, nil
}
