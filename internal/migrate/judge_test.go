package migrate

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gapless/internal/project"
	"gapless/internal/update"
)

// fakeLab is a laboratory in which migrations leave what a test says.
type fakeLab struct {
	mu        sync.Mutex
	facts     map[string]facts // by image and question
	migrating error            // of the migrate command
	log       string
	snapshots []string
	failing   map[string]error // by the first word of a command
	refusals  int              // of the first questions
	late      int              // times that the log is asked for before its end is there
	server    update.PostgresServer

	acts    []string
	asked   []update.CreateSpec
	cleared []string
}

func (l *fakeLab) did(act string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acts = append(l.acts, act)
}

func (l *fakeLab) Ask(_ context.Context, spec update.CreateSpec, _ time.Duration) ([]string, error) {
	l.mu.Lock()
	l.asked = append(l.asked, spec)
	l.mu.Unlock()
	if spec.Command[len(spec.Command)-1] == "--noinput" {
		l.did("migrate")
		return nil, l.migrating
	}
	if l.refusals > 0 {
		l.refusals--
		return nil, errors.New("ended with code 1: no database")
	}
	for _, want := range []string{askModels, askMigrations, askSQL} {
		if strings.Contains(spec.Command[len(spec.Command)-1], `"want": "`+want+`"`) {
			l.did(want + " of " + spec.ImageID)
			found, is := l.facts[spec.ImageID+" "+want]
			if !is {
				return nil, errors.New("ended with code 1: ImproperlyConfigured")
			}
			return printedFacts(found), nil
		}
	}
	return []string{"0042.sql"}, nil
}

// printedFacts is what the script prints, among other lines.
func printedFacts(f facts) []string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(text)
	_ = w.Close()
	encoded := base64.StdEncoding.EncodeToString(packed.Bytes())
	half := len(encoded) / 2
	return []string{"a warning of the application", factsMark + encoded[:half], factsMark + encoded[half:], "good-bye"}
}

func (l *fakeLab) Server(context.Context, string) (update.PostgresServer, error) {
	return l.server, nil
}

func (l *fakeLab) OpenNetwork(_ context.Context, name, _ string) error {
	l.did("network")
	return nil
}

func (l *fakeLab) StartShadow(_ context.Context, spec update.ShadowSpec) error {
	l.did("shadow of " + spec.Of)
	return nil
}

func (l *fakeLab) Pipe(_ context.Context, container string, argv []string, in io.Reader, out io.Writer, _ time.Duration) error {
	script := ""
	if in != nil {
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		script = string(text)
	}
	switch {
	case l.failing[argv[0]] != nil:
		return l.failing[argv[0]]
	case argv[0] == "pg_dump" && slices.Contains(argv, "--schema-only"):
		fmt.Fprint(out, "-- dumped by somebody\n\\restrict random\nCREATE TABLE tours_tour ();\n")
	case script == sizesSQL:
		fmt.Fprint(out, "\ttours\t150018\ntours_tour\t8192\t2000\nempty\t0\t-1\n")
	case script == snapshotsSQL:
		fmt.Fprint(out, strings.Join(l.snapshots, "\n")+"\n")
	}
	return nil
}

func (l *fakeLab) Log(_ context.Context, _ string, out io.Writer) error {
	log := l.log
	if l.late > 0 {
		log = log[:len(log)/l.late/2]
		l.late--
	}
	_, err := io.WriteString(out, log)
	return err
}

func (l *fakeLab) Clear(_ context.Context, run string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cleared = append(l.cleared, run)
	return nil
}

// memory is a cache.
type memory map[string][]byte

func (m memory) Verdict(key string) ([]byte, bool) {
	content, found := m[key]
	return content, found
}

func (m memory) SaveVerdict(key string, content []byte) error {
	m[key] = content
	return nil
}

// The log of one migration with one statement.
func logOf(name, sql, table, lock string, rewrites bool, more ...string) string {
	lines := []string{`gapless 8: LOG:  gapless-trace {"event": "begin"}`, "gapless 9: LOG:  statement: BEGIN", "gapless 9: LOG:  statement: " + sql}
	if lock != "" {
		lines = append(lines, `gapless 9: LOG:  gapless-trace {"event": "ddl_command_start", "locks": [], "scans": {}}`)
		if rewrites {
			lines = append(lines, fmt.Sprintf(`gapless 9: LOG:  gapless-trace {"event": "table_rewrite", "name": %q}`, table))
		}
		lines = append(lines, fmt.Sprintf(`gapless 9: LOG:  gapless-trace {"event": "ddl_command_end", "locks": [[%q, %q]], "scans": {}}`, table, lock))
	}
	lines = append(lines, more...)
	if name != "" {
		lines = append(lines, `gapless 9: LOG:  statement: INSERT INTO "django_migrations" ("app") VALUES ('x')`,
			fmt.Sprintf(`gapless 9: LOG:  gapless-trace {"event": "applied", "name": %q}`, name), "gapless 9: LOG:  statement: COMMIT")
	}
	return strings.Join(append(lines, `gapless 8: LOG:  gapless-trace {"event": "end"}`), "\n") + "\n"
}

func shot(name string, columns ...string) string {
	return fmt.Sprintf(`{"name": %q, "catalog": {"columns": [%s], "rules": []}}`, name, strings.Join(columns, ", "))
}

const (
	idColumn   = `["tours_tour", "id", "bigint", true, true]`
	nameColumn = `["tours_tour", "name", "text", true, false]`
	sizeColumn = `["tours_tour", "size", "integer", false, false]`
)

// trialOf is a laboratory for an application whose old code has id and name.
func trialOf(newColumns []string, operations []operation) *fakeLab {
	due := []due{{Name: "tours/0002_x", Atomic: true, Operations: operations}}
	here := connection{Vendor: "postgresql", Host: "db", Name: "tours"}
	return &fakeLab{
		server: update.PostgresServer{User: "postgres", Database: "tours", Names: []string{"db", "shop-db-1"}},
		facts: map[string]facts{
			"new migrations": {Connection: here, Due: due, Models: []model{modelOf("tours_tour", newColumns...)}},
			"old models":     {Connection: here, Models: []model{modelOf("tours_tour", "id bigserial", "name text")}},
		},
	}
}

func requestOf(cache Cache) Request {
	return Request{Project: "shop", Run: "run1", OldImage: "old", NewImage: "new", Cache: cache, Say: func(string) {},
		Databases: []Database{{Service: "db", Container: "shop-db-1"}},
		Service: project.Service{Name: "api", Framework: project.FrameworkDjango, FrameworkCommand: []string{"python", "manage.py"},
			Preparation: project.Preparation{Migrate: []string{"python", "manage.py", "migrate", "--noinput"}}}}
}

// What a program does outside of a transaction with rows that the shadow has not is
// nothing to repeat.
func TestNotAtomicIsNotRepeated(t *testing.T) {
	program := []operation{{Kind: "RunPython", Text: "Raw Python operation", Reversible: true, Code: true}}
	for name, c := range map[string]struct {
		atomic     bool
		operations []operation
		want       bool
	}{"atomic program": {true, program, true}, "program": {false, program, false}, "not atomic": {false, nil, true}} {
		lab := trialOf([]string{"id bigserial", "name text"}, c.operations)
		lab.facts["new migrations"].Due[0].Atomic = c.atomic
		lab.log = logOf("tours/0002_x", `SELECT "tours_tour"."id" FROM "tours_tour"`, "", "", false)
		lab.snapshots = []string{shot("", idColumn, nameColumn), shot("tours/0002_x", idColumn, nameColumn)}
		report, err := Judge(t.Context(), lab, requestOf(nil))
		if err != nil || len(report.Migrations) != 1 || report.Migrations[0].Repeatable != c.want {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
}

func TestJudgeDjango(t *testing.T) {
	three := []string{"id bigserial", "name text", "size integer?"}
	for _, c := range []struct {
		name       string
		columns    []string // of the new code
		operations []operation
		log        string
		after      string
		migrating  error

		class     string
		old, new  int // how many things break
		says      string
		rewrites  bool
		disagrees bool
	}{
		{name: "adds", columns: three, log: logOf("tours/0002_x", `ALTER TABLE "tours_tour" ADD COLUMN "size" integer NULL`, "tours_tour", "AccessExclusiveLock", false),
			after: shot("tours/0002_x", idColumn, nameColumn, sizeColumn), class: "a", new: 1, says: "only adds"},
		{name: "drops what the old code reads", columns: []string{"id bigserial"}, log: logOf("tours/0002_x", `ALTER TABLE "tours_tour" DROP COLUMN "name" CASCADE`, "tours_tour", "AccessExclusiveLock", false),
			after: shot("tours/0002_x", idColumn), class: "bd", old: 1, new: 1, says: "tours_tour.name is not there"},
		{name: "rewrites, which was not expected", columns: three[:2], log: logOf("tours/0002_x", `ALTER TABLE "tours_tour" ALTER COLUMN "name" SET DEFAULT 'x'`, "tours_tour", "AccessExclusiveLock", true),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "c", says: "rewrites tours_tour (2000 rows, less than 1 MiB)", rewrites: true, disagrees: true},
		{name: "is about an empty table", columns: three[:2], log: logOf("tours/0002_x", `ALTER TABLE "empty" ALTER COLUMN "n" TYPE bigint`, "empty", "AccessExclusiveLock", true),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "a"},
		{name: "runs code that reads rows", columns: three[:2], operations: []operation{{Kind: "RunPython", Text: "Raw Python operation", Reversible: true, Code: true}},
			log: logOf("tours/0002_x", `SELECT "tours_tour"."id" FROM "tours_tour"`, "", "", false), after: shot("tours/0002_x", idColumn, nameColumn),
			class: "unknown", says: "its code reads tours_tour (2000 rows"},
		{name: "runs code that reads an empty table", columns: three[:2], operations: []operation{{Kind: "RunPython", Text: "Raw Python operation", Reversible: true, Code: true}},
			log: logOf("tours/0002_x", `SELECT "empty"."id" FROM "empty"`, "", "", false), after: shot("tours/0002_x", idColumn, nameColumn), class: "a"},
		{name: "changes values that the old code reads", columns: three[:2], log: logOf("tours/0002_x", `UPDATE "tours_tour" SET "name" = 'x' WHERE "tours_tour"."id" > 3`, "", "", false),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "unknown", says: "changes values of tours_tour.name"},
		{name: "fills in what the old code does not know", columns: three, log: logOf("tours/0002_x", `UPDATE "tours_tour" SET "size" = 1`, "", "", false),
			after: shot("tours/0002_x", idColumn, nameColumn, sizeColumn), class: "c", new: 1, says: "reads all of tours_tour"},
		{name: "changes rows of a table with its schema", columns: three[:2], log: logOf("tours/0002_x", `UPDATE "public"."tours_tour" SET "name" = 'x'`, "", "", false),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "unknown", says: "changes values of tours_tour.name"},
		{name: "changes rows in another way", columns: three[:2], log: logOf("tours/0002_x", `WITH a AS (SELECT 1) UPDATE tours_tour SET name = 'x'`, "", "", false),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "unknown", says: "it changes rows"},
		{name: "several statements at once", columns: three, log: logOf("tours/0002_x", `ALTER TABLE tours_tour ADD COLUMN size integer; UPDATE tours_tour SET name = 'x'`, "tours_tour", "AccessExclusiveLock", false),
			after: shot("tours/0002_x", idColumn, nameColumn, sizeColumn), class: "unknown", new: 1, says: "changes values of tours_tour.name"},
		{name: "empties a table", columns: three[:2], log: logOf("tours/0002_x", `TRUNCATE tours_tour`, "", "", false), after: shot("tours/0002_x", idColumn, nameColumn), class: "cd", rewrites: true},
		{name: "adds a trigger, of which the models know nothing", columns: three[:2], log: logOf("tours/0002_x", `ALTER TABLE tours_tour ENABLE ROW LEVEL SECURITY`, "tours_tour", "AccessExclusiveLock", false),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "b", old: 1},
		{name: "does what is not seen", columns: three[:2], log: logOf("tours/0002_x", `DO $$BEGIN ALTER TABLE tours_tour ADD COLUMN x int; UPDATE tours_tour SET name = ''; END$$`, "tours_tour", "AccessExclusiveLock", false),
			after: shot("tours/0002_x", idColumn, nameColumn), class: "unknown"},
		{name: "asks the catalog alone", columns: three[:2], operations: []operation{{Kind: "RunPython", Text: "Raw Python operation", Reversible: true, Code: true}},
			log: logOf("tours/0002_x", `SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relname = 'tours_tour'`, "", "", false), after: shot("tours/0002_x", idColumn, nameColumn), class: "a"},
		{name: "has no way back", columns: three[:2], operations: []operation{{Kind: "RunPython", Text: "Raw Python operation", Code: true}},
			log: logOf("tours/0002_x", `INSERT INTO "tours_tour" ("name") VALUES ('x')`, "", "", false), after: shot("tours/0002_x", idColumn, nameColumn), class: "d", says: "Raw Python operation has no way back"},
		{name: "fails", columns: three[:2], migrating: errors.New("ended with code 1: ProgrammingError"), class: "unknown",
			log: logOf("", `CREATE INDEX CONCURRENTLY x ON tours_tour (name)`, "tours_tour", "", false, "gapless 9: ERROR:  CREATE INDEX CONCURRENTLY cannot run inside a transaction block"), says: "it fails in the shadow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lab := trialOf(c.columns, c.operations)
			lab.log, lab.migrating = c.log, c.migrating
			lab.snapshots = []string{shot("", idColumn, nameColumn, `["empty", "n", "integer", false, false]`)}
			if c.after != "" {
				lab.snapshots = append(lab.snapshots, strings.Replace(c.after, `], "rules"`, `, ["empty", "n", "integer", false, false]], "rules"`, 1))
			}
			report, err := Judge(t.Context(), lab, requestOf(nil))
			if err != nil || report.Source != update.JudgedByTrace || len(report.Migrations) != 1 {
				t.Fatalf("%+v %v", report, err)
			}
			m := report.Migrations[0]
			if m.Class != c.class || len(m.BreaksOld) != c.old || len(m.BreaksNew) != c.new || !strings.Contains(m.Why(), c.says) || (len(m.Rewrites) > 0) != c.rewrites || (len(m.Disagreements) > 0) != c.disagrees {
				t.Errorf("class %s, %+v", m.Class, m)
			}
			if !slices.Equal(lab.cleared, []string{"run1"}) {
				t.Errorf("cleared %v", lab.cleared)
			}
			lab.isolated(t)
		})
	}
}

// isolated fails the test if anything ran outside of the trial's network but the
// questions that remain where there is no shadow.
func (l *fakeLab) isolated(t *testing.T) {
	t.Helper()
	for _, spec := range l.asked {
		outside := strings.Contains(spec.Name, "-ask-run") || strings.Contains(spec.Name, "-ask-sql-run")
		if (spec.Network == "") != outside || !spec.Trial || spec.Run != "run1" {
			t.Errorf("%+v", spec)
		}
	}
}

// A verdict is found out once, and not again until something changes.
func TestJudgeCached(t *testing.T) {
	cache := memory{}
	for _, c := range []struct {
		name   string
		edit   func(*Request)
		cached bool
	}{
		{"first", func(*Request) {}, false}, {"again", func(*Request) {}, true},
		{"another old image", func(r *Request) { r.OldImage = "older" }, false},
		{"another command", func(r *Request) { r.Service.Migrate = append([]string{"nice"}, r.Service.Migrate...) }, false},
	} {
		lab := trialOf([]string{"id bigserial", "name text"}, nil)
		lab.facts["older models"] = lab.facts["old models"]
		lab.log = logOf("tours/0002_x", `ALTER TABLE "tours_tour" ALTER COLUMN "name" TYPE text`, "tours_tour", "AccessExclusiveLock", true)
		lab.snapshots = []string{shot("", idColumn, nameColumn), shot("tours/0002_x", idColumn, nameColumn)}
		request := requestOf(cache)
		c.edit(&request)
		report, err := Judge(t.Context(), lab, request)
		if err != nil || report.Cached != c.cached || slices.Contains(lab.acts, "migrate") == c.cached {
			t.Errorf("%s: cached %t, %v, %v", c.name, report.Cached, lab.acts, err)
		}
		if len(report.Migrations) != 1 || report.Migrations[0].Class != "c" || report.Migrations[0].Rewrites[0].Rows != 2000 {
			t.Errorf("%s: %+v", c.name, report.Migrations)
		}
	}
}

// Where no shadow can be made, the statements are read, and that is said.
func TestJudgeUntraced(t *testing.T) {
	sql := "BEGIN;\nALTER TABLE \"tours_tour\" DROP COLUMN \"name\";\nCOMMIT;"
	for _, c := range []struct {
		name string
		edit func(*fakeLab, *Request)
		says string
	}{
		{"asked for", func(_ *fakeLab, r *Request) { r.Untraced = "--no-trace" }, "--no-trace"},
		{"managed", func(l *fakeLab, _ *Request) { l.server.Names = []string{"other"} }, "its database db is no running Postgres of this project"},
		{"two databases", func(_ *fakeLab, r *Request) { r.Databases = append(r.Databases, r.Databases...) }, "which of 2 running Postgres"},
		{"MySQL", func(l *fakeLab, _ *Request) { l.edit(func(f *facts) { f.Connection.Vendor = "mysql" }) }, "uses mysql"},
		{"socket", func(l *fakeLab, _ *Request) { l.edit(func(f *facts) { f.Connection.Host = "/run/postgresql" }) }, "through a socket"},
		{"locked", func(l *fakeLab, _ *Request) {
			l.failing = map[string]error{"pg_dump": errors.New("canceling statement due to lock timeout")}
		}, "lock timeout"},
		{"no shadow", func(l *fakeLab, _ *Request) { l.failing = map[string]error{"pg_isready": update.ErrNoContainer} }, "the shadow does not come up"},
		{"old code is silent", func(l *fakeLab, _ *Request) { delete(l.facts, "old models") }, "ImproperlyConfigured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lab := trialOf([]string{"id bigserial"}, nil)
			said := lab.facts["new migrations"]
			said.Due = []due{{Name: "tours/0002_x", SQL: &sql}, {Name: "tours/0003_y"}}
			lab.facts["new sql"] = said
			request := requestOf(nil)
			c.edit(lab, &request)
			report, err := Judge(t.Context(), lab, request)
			if err != nil || report.Source != update.JudgedBySQL || !strings.Contains(report.Untraced, c.says) || len(report.Migrations) != 2 {
				t.Fatalf("%+v %v", report, err)
			}
			if first, second := report.Migrations[0], report.Migrations[1]; first.Class != "bd" || second.Class != update.ClassUnknown {
				t.Errorf("%+v", report.Migrations)
			}
			if slices.Contains(lab.acts, "migrate") {
				t.Error("migrations ran")
			}
		})
	}
}

func (l *fakeLab) edit(change func(*facts)) {
	for name, f := range l.facts {
		change(&f)
		l.facts[name] = f
	}
}

// Nothing is due, and nothing is made.
func TestJudgeNothing(t *testing.T) {
	lab := trialOf([]string{"id bigserial", "name text"}, nil)
	lab.edit(func(f *facts) { f.Due = nil })
	lab.log, lab.snapshots = logOf("", `SELECT 1`, "", "", false), []string{shot("", idColumn, nameColumn)}
	report, err := Judge(t.Context(), lab, requestOf(nil))
	if err != nil || len(report.Migrations) != 0 || !report.Safe() || slices.Contains(lab.acts, "migrate") {
		t.Errorf("%+v %v %v", report, lab.acts, err)
	}
	lab.isolated(t)
}

// An image may migrate whenever a container starts: then it has done so before
// it answers.
func TestJudgeByItself(t *testing.T) {
	lab := trialOf([]string{"id bigserial"}, nil)
	lab.edit(func(f *facts) { f.Due = nil })
	lab.log = logOf("tours/0002_x", `ALTER TABLE "tours_tour" DROP COLUMN "name"`, "tours_tour", "AccessExclusiveLock", false)
	lab.snapshots = []string{shot("", idColumn, nameColumn), shot("tours/0002_x", idColumn)}
	report, err := Judge(t.Context(), lab, requestOf(nil))
	if err != nil || !report.ByItself || len(report.Migrations) != 1 || len(report.Migrations[0].BreaksOld) != 1 || slices.Contains(lab.acts, "migrate") {
		t.Errorf("%+v %v %v", report, lab.acts, err)
	}
}

// An image that wants to see a database when it starts is asked again.
func TestJudgeAsksAgain(t *testing.T) {
	lab := trialOf([]string{"id bigserial", "name text"}, nil)
	lab.log = logOf("tours/0002_x", `ALTER TABLE "tours_tour" ALTER COLUMN "name" TYPE text`, "tours_tour", "AccessExclusiveLock", false)
	lab.snapshots = []string{shot("", idColumn, nameColumn), shot("tours/0002_x", idColumn, nameColumn)}
	lab.refusals = 1
	report, err := Judge(t.Context(), lab, requestOf(nil))
	if err != nil || report.Source != update.JudgedByTrace || len(report.Migrations) != 1 {
		t.Errorf("%+v %v", report, err)
	}
}

// The engine may write a log some time after its server has.
func TestJudgeByALateLog(t *testing.T) {
	request := requestOf(nil)
	request.Service.Framework, request.Service.Pending = project.FrameworkNone, []string{"status"}
	lab := &fakeLab{late: 2, log: logOf("0002", `ALTER TABLE tours_tour ADD COLUMN size integer`, "tours_tour", "AccessExclusiveLock", false),
		snapshots: []string{shot("", idColumn, nameColumn, `["schema_migrations", "version", "text", true, false]`)}}
	if report, err := Judge(t.Context(), lab, request); err != nil || report.Source != update.JudgedByTrace {
		t.Errorf("%+v %v", report, err)
	}
}

// Another framework's migrations are seen in a shadow too; what the old code uses
// is judged by their statements.
func TestJudgeDeclaredByTrace(t *testing.T) {
	add := logOf("0002", `ALTER TABLE tours_tour ADD COLUMN size integer`, "tours_tour", "AccessExclusiveLock", false)
	for _, c := range []struct {
		name      string
		log       string
		migrating error
		databases int
		class     string // of the one migration; empty: none is due
		source    string
		migration string
	}{
		{"adds", add, nil, 1, "a", update.JudgedByTrace, "0002"},
		{"changes rows", logOf("0002", `UPDATE tours_tour SET name = upper(name)`, "", "", false), nil, 1, "unknown", update.JudgedByTrace, "0002"},
		{"reads its records", strings.Replace(add, "gapless 9: LOG:  statement: BEGIN", "gapless 9: LOG:  statement: SELECT 1 FROM schema_migrations", 1), nil, 1, "a", update.JudgedByTrace, "0002"},
		{"reads rows", logOf("0002", `SELECT * FROM tours_tour`, "", "", false), nil, 1, "unknown", update.JudgedByTrace, "0002"},
		{"drops", logOf("0002", `ALTER TABLE tours_tour DROP COLUMN name`, "tours_tour", "AccessExclusiveLock", false), nil, 1, "bd", update.JudgedByTrace, "0002"},
		{"notes no version", logOf("", `ALTER TABLE tours_tour ADD COLUMN size integer`, "tours_tour", "AccessExclusiveLock", false), nil, 1, "a", update.JudgedByTrace, "0042.sql"},
		{"nothing is due, and nobody says what is", logOf("", `SELECT version FROM versions`, "", "", false), nil, 1, "", update.JudgedByTrace, ""},
		{"is said to be due, and does nothing", logOf("", `SELECT version FROM versions`, "", "", false), nil, 1, "unknown", update.JudgedByTrace, "0042.sql"},
		{"works elsewhere", "gapless 8: LOG:  gapless-trace {\"event\": \"begin\"}\ngapless 8: LOG:  gapless-trace {\"event\": \"end\"}\n", nil, 1, "unknown", update.JudgedBySQL, "0042.sql"},
		{"fails", add, errors.New("ended with code 1"), 1, "unknown", update.JudgedBySQL, "0042.sql"},
		{"two databases", add, nil, 2, "unknown", update.JudgedBySQL, "0042.sql"},
	} {
		request := requestOf(nil)
		request.Service.Framework, request.Service.Pending = project.FrameworkNone, []string{"status"}
		if c.class == "" {
			request.Service.Pending = nil
		}
		request.Databases = append(request.Databases, request.Databases...)[:c.databases]
		lab := &fakeLab{log: c.log, migrating: c.migrating, snapshots: []string{shot("", idColumn, nameColumn, `["schema_migrations", "version", "text", true, false]`)}}
		report, err := Judge(t.Context(), lab, request)
		if err != nil || report.Source != c.source || (len(report.Migrations) == 1) != (c.class != "") {
			t.Errorf("%s: %+v %v", c.name, report, err)
		} else if c.class != "" && (report.Migrations[0].Class != c.class || report.Migrations[0].Name != c.migration) {
			t.Errorf("%s: %+v", c.name, report.Migrations[0])
		}
		lab.isolated(t)
	}
}

// The commands of the settings tell where there is no shadow.
func TestJudgeDeclared(t *testing.T) {
	request := requestOf(nil)
	request.Service.Framework = project.FrameworkNone
	request.Untraced = "--no-trace"
	if _, err := Judge(t.Context(), &fakeLab{}, request); !errors.Is(err, ErrNotKnown) {
		t.Error(err)
	}
	request.Service.Pending = []string{"status"}
	report, err := Judge(t.Context(), &fakeLab{}, request)
	if err != nil || len(report.Migrations) != 1 || report.Migrations[0].Class != update.ClassUnknown || !strings.Contains(report.Migrations[0].Why(), "x-gapless.migrate.sql") {
		t.Errorf("%+v %v", report, err)
	}
}
