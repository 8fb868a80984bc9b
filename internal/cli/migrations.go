package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gapless/internal/migrate/ddl"
	"gapless/internal/ui"
)

// migrationsFlags are the flags of migrations.
type migrationsFlags struct {
	files           []string
	postgres, mysql string
	asJSON          bool
	noTrace         bool
}

func (a *app) migrationsCommand() *cobra.Command {
	var flags migrationsFlags
	c := &cobra.Command{
		Use:   "migrations [--sql FILE...]",
		Short: "Judge the migrations of the next update, or SQL files, before they run",
		Long: `Say of each migration that the next update would run whether the version that
runs now survives it, whether the new one can do without it for a while, which locks
it takes, whether it rewrites or reads a whole table, and whether it can be undone.
Where Django works on a Postgres of the project, the migrations run in a shadow of
its schema first, without rows and without a way out; nothing of the application is
touched. Elsewhere their statements are read.

With --sql the same is said of the statements of SQL files. That needs no project and
no Docker.

  a        safe beside the old code
  b        breaks the old code, or may
  c        availability: a long lock, a rewrite or a scan of a whole table
  d        irreversible, or loses data
  unknown  not understood; counts as b and c

Exit code 0: all are a; 13: some are not; 1: a file could not be read.`,
		Example: `  gapless migrations
  gapless migrations --json
  gapless migrations --sql db/migrations/*.sql
  gapless migrations --sql 0042.sql --postgres 15 --json
  python manage.py sqlmigrate shop 0042 | gapless migrations --sql -`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(flags.files) == 0 {
				if len(args) > 0 || flags.postgres != "" || flags.mysql != "" {
					return &exitStatus{code: exitError, err: errors.New("no SQL file is named"), hint: "gapless migrations --sql FILE..., or --sql - for standard input"}
				}
				return a.judgeDue(c.Context(), flags)
			}
			flags.files = append(flags.files, args...)
			return a.judgeSQL(flags)
		},
	}
	c.Flags().StringArrayVar(&flags.files, "sql", nil, "SQL file, - for standard input; more files may follow")
	c.Flags().StringVar(&flags.postgres, "postgres", "", "version of Postgres, 12 to 19; default: all of them")
	c.Flags().StringVar(&flags.mysql, "mysql", "", "the files are for MySQL of this version, such as 8.0.36")
	c.Flags().BoolVar(&flags.noTrace, "no-trace", false, "judge by the statements, without a shadow of the database")
	c.Flags().BoolVar(&flags.asJSON, "json", false, "print JSON")
	return c
}

// judgeSQL reads the files, all of them before it says anything.
func (a *app) judgeSQL(flags migrationsFlags) error {
	target, err := flags.target()
	if err != nil {
		return err
	}
	var inputs []ddl.Input
	for _, path := range flags.files {
		text, err := a.readSQL(path)
		if err != nil {
			return err
		}
		name := path
		if path == "-" {
			name = "stdin"
		}
		inputs = append(inputs, ddl.Input{Name: name, Text: text})
	}
	report := ddl.Judge(target, inputs...)
	if flags.asJSON {
		err = ui.VerdictsJSON(a.out, report)
	} else {
		err = ui.Verdicts(a.out, report, a.flags.color)
	}
	if err == nil && !report.Safe() {
		return said(exitRefused)
	}
	return err
}

func (f migrationsFlags) target() (ddl.Target, error) {
	var target ddl.Target
	var err error
	hint := "versions 12 to 19 of Postgres, and 5.7 to 9 of MySQL, such as --mysql 8.0.36"
	switch {
	case f.postgres != "" && f.mysql != "":
		err, hint = errors.New("--postgres and --mysql contradict each other"), "name the one that the files are for"
	case f.mysql != "":
		target, err = ddl.ParseMySQL(f.mysql)
	case f.postgres != "":
		target, err = ddl.ParsePostgres(f.postgres)
	}
	if err != nil {
		return target, &exitStatus{code: exitError, err: err, hint: hint}
	}
	return target, nil
}

// maxSQLBytes bounds a file. A dump of all rows is not a migration.
const maxSQLBytes = 64 << 20

// readSQL reads a file, or standard input.
func (a *app) readSQL(path string) (string, error) {
	in := a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		if stat, err := file.Stat(); err == nil && stat.IsDir() {
			return "", &exitStatus{code: exitError, err: fmt.Errorf("%s is a directory", path), hint: "name the files in it, such as " + path + "/*.sql"}
		}
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSQLBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", path, err)
	case len(text) > maxSQLBytes:
		return "", &exitStatus{code: exitError, err: fmt.Errorf("%s is larger than %d MiB", path, maxSQLBytes>>20), hint: "leave out the rows: pg_dump --schema-only"}
	case !utf8.Valid(text):
		return "", &exitStatus{code: exitError, err: fmt.Errorf("%s is not a text in UTF-8", path), hint: "convert it, for example with iconv"}
	}
	return string(text), nil
}
