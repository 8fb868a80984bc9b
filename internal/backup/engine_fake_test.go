package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"gapless/internal/update"
)

const secret = `se:cr\et`

// fakeEngine runs no container: it answers as the tools in them would.
type fakeEngine struct {
	mu     sync.Mutex
	ran    []Command
	dump   string
	fails  map[string]error // by step
	memory int64
	disk   int64
	rows   map[string]int                  // of the table, by the database that is asked
	during map[string]func()               // by step
	images map[string]bool                 // nil: all are there
	says   func(sql string) (string, bool) // before the usual answers
}

func stepOf(name string) string { return name[strings.LastIndex(name, "-")+1:] }

func (f *fakeEngine) Run(ctx context.Context, c Command) error {
	step := stepOf(c.Name)
	f.mu.Lock()
	f.ran = append(f.ran, c)
	f.mu.Unlock()
	if act := f.during[step]; act != nil {
		act()
	}
	switch step {
	case stepSnapshot, stepAsk:
		if f.fails[step] == nil {
			f.psql(c)
		}
	case stepDump:
		if _, err := io.WriteString(c.Stdout, f.dump); err != nil {
			return err
		}
	case stepRead, stepCopy:
		if _, err := io.Copy(io.Discard, c.Stdin); err != nil {
			return err
		}
	case stepServer:
		if _, err := fmt.Fprintf(c.Stderr, "LOG:  %s\n", readyWords); err != nil {
			return err
		}
		if f.fails[step] == nil {
			<-ctx.Done()
		}
	}
	return errors.Join(f.fails[step], ctx.Err())
}

// psql answers until its input ends.
func (f *fakeEngine) psql(c Command) {
	database := ""
	for _, variable := range c.Env {
		if name, is := strings.CutPrefix(variable, "PGDATABASE="); is {
			database = name
		}
	}
	sql := ""
	in := bufio.NewScanner(c.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if in.Text() != "SELECT '"+endOfAnswer+"';" {
			sql += in.Text() + "\n"
			continue
		}
		if _, rest, is := strings.Cut(sql, `\connect '`+"dbname="); is {
			name, _, _ := strings.Cut(strings.ReplaceAll(rest, `'`, ""), "\n")
			database = strings.Trim(name, `\`)
		}
		fmt.Fprintf(c.Stdout, "%s\n%s\n", f.answer(database, sql), endOfAnswer)
		sql = ""
	}
}

func (f *fakeEngine) answer(database, sql string) string {
	if f.says != nil {
		if text, is := f.says(sql); is {
			return text
		}
	}
	has := func(text string) bool { return strings.Contains(sql, text) }
	switch {
	case has("'dumper'"):
		return `{"server":"PostgreSQL 15","major":15,"dumper":"15","preload":"","roles":["app"]}`
	case has("pg_database_size"):
		return `{"name":"app","size":1000,"properties":{"encoding":6}}`
	case has("pg_export_snapshot"):
		return `{"snapshot":"1","lsn":"0/1","used":true}`
	case has("FROM ONLY"):
		return fmt.Sprintf(`["public.item", %d]`, f.rows[database])
	case has("seqcycle"):
		return `["public.item_id_seq", 3, true, false]`
	case has("'indexes'"):
		return `["indexes", 1]`
	case has("'directory'"):
		return `{"name":"app","owner":"app","directory":"/data"}`
	case has("pg_stat_get_live_tuples"):
		return `{"rows":3,"used":true}`
	}
	return ""
}

func (f *fakeEngine) Fence(context.Context, string, []string) error  { return nil }
func (f *fakeEngine) Sweep(context.Context) error                    { return nil }
func (f *fakeEngine) Room(context.Context) (memory, disk int64)      { return f.memory, f.disk }
func (f *fakeEngine) DataRoom(context.Context, Server, string) int64 { return 0 }
func (f *fakeEngine) HasImage(_ context.Context, image string) (bool, error) {
	return f.images == nil || f.images[image], nil
}

// newMaker wires a maker to a fake engine and a directory of its own.
func newMaker(t *testing.T) (*Maker, *fakeEngine) {
	t.Helper()
	engine := &fakeEngine{dump: strings.Repeat("a row\n", 1000), fails: map[string]error{}, during: map[string]func(){}, rows: map[string]int{"app": 3}}
	return &Maker{
		Engine: engine, Store: NewStore(t.TempDir()), Project: "shop", Service: "db", Run: "0197f2a1b2c3d4e5f6", Now: time.Now, Policy: DefaultPolicy,
		Server: func(context.Context) (Server, error) {
			return Server{PostgresServer: update.PostgresServer{ContainerID: "db1", ImageID: "sha256:db", User: "app", Database: "app", Port: "5432"}, Password: secret}, nil
		},
		Needed: func() (map[string]bool, error) { return nil, nil },
	}, engine
}

func quiet(string) {}
