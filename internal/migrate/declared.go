package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gapless/internal/update"
)

// ErrNotKnown says that nothing tells which migrations are due.
var ErrNotKnown = errors.New("nothing tells which migrations are due: see x-gapless.migrate.pending")

// runDeclared runs the migrate command against a shadow, and asks there before
// which migrations are due, if the settings say how.
func runDeclared(ctx context.Context, lab Laboratory, r Request, s schema, of string, server update.PostgresServer) (Report, schema, error) {
	var found traced
	var names []string
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
	if err != nil {
		return Report{}, s, err
	}
	report, err := byStatements(r, names, s, found)
	return report, s, err
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
		judged := see.verdict(name, m.Statements)
		judged.Repeatable = repeatable(m.Statements) &&
			(see.withRecord(m.Statements) || len(judged.Unknown) == 0 && !slices.ContainsFunc(m.Statements, see.readsRows))
		report.Migrations = append(report.Migrations, judged)
	}
	if len(report.Migrations) == 0 {
		for _, name := range names {
			report.Migrations = append(report.Migrations, Migration{Judged: update.Judged{Name: name, Unknown: []string{notRun(nil)}}, Statements: []Statement{}})
		}
	}
	return report, nil
}

// declaredStatements judges by the commands of the settings: one says what is due,
// another prints its SQL. What the old code uses, nobody says.
func declaredStatements(ctx context.Context, lab Laboratory, r Request, untraced string) (Report, error) {
	report := Report{Service: r.Service.Name, Source: update.JudgedBySQL, Untraced: untraced, Migrations: []Migration{}}
	if len(r.Service.Pending) == 0 {
		return report, fmt.Errorf("%w (%s)", ErrNotKnown, untraced)
	}
	said, err := lab.Ask(ctx, r.spec("ask", r.NewImage, r.Service.Pending), askLimit)
	if err != nil {
		return report, err
	}
	names := r.Service.PlannedMigrations(said)
	if len(names) == 0 {
		return report, nil
	}
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
