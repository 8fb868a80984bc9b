package migrate

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gapless/internal/update"
)

// traceSQL makes a shadow tell what happens in it.
//
//go:embed trace.sql
var traceSQL string

// How long the parts of a trial may take. A table that somebody holds is not
// waited for: everybody would wait behind it.
const (
	dumpLimit    = time.Minute
	dumpLockWait = 2 * time.Second
	shadowLimit  = time.Minute
	trialLimit   = 5 * time.Minute
	askLimit     = time.Minute
	shadowPoll   = 200 * time.Millisecond
	// logLimit is for the engine, which writes a log some time after its server has.
	logLimit = 15 * time.Second
)

// trial is one shadow with its network.
type trial struct {
	lab     Laboratory
	project string
	run     string
	network string
	shadow  string
	server  update.PostgresServer
	schema  schema // once it is loaded
}

// openTrial makes an empty shadow of a server. The caller clears the run.
func openTrial(ctx context.Context, lab Laboratory, r Request, of string, server update.PostgresServer) (*trial, error) {
	t := &trial{lab: lab, project: r.Project, run: r.Run, server: server, network: r.Project + "-trial-" + r.Run, shadow: r.Project + "-shadow-" + r.Run}
	if err := lab.OpenNetwork(ctx, t.network, r.Run); err != nil {
		return nil, fmt.Errorf("network of the trial: %w", err)
	}
	spec := update.ShadowSpec{Name: t.shadow, Run: r.Run, Of: of, Network: t.network, Names: server.Names}
	if err := lab.StartShadow(ctx, spec); err != nil {
		return nil, fmt.Errorf("shadow of the database: %w", err)
	}
	return t, nil
}

// ask runs a one-off that can reach nothing but the shadow.
func (t *trial) ask(ctx context.Context, spec update.CreateSpec, atMost time.Duration) ([]string, error) {
	spec.Trial, spec.Network = true, t.network
	return t.lab.Ask(ctx, spec, atMost)
}

// await waits until the server takes connections from others. While its image
// sets it up, it may take some of its own.
func (t *trial) await(ctx context.Context) error {
	deadline := time.Now().Add(shadowLimit)
	for {
		err := t.lab.Pipe(ctx, t.shadow, []string{"pg_isready", "--quiet", "--host", "127.0.0.1"}, nil, io.Discard, 10*time.Second)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, update.ErrNoContainer) || time.Now().After(deadline) {
			return fmt.Errorf("the shadow does not come up: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(shadowPoll):
		}
	}
}

// load gives the shadow a schema, and makes it tell what happens.
func (t *trial) load(ctx context.Context, s schema) error {
	if err := t.await(ctx); err != nil {
		return err
	}
	t.schema = s
	server := t.server
	fresh := fmt.Sprintf("DROP DATABASE IF EXISTS %[1]s;\nCREATE DATABASE %[1]s OWNER %[2]s TEMPLATE template0;\n",
		quoteName(t.schema.database), quoteName(t.schema.owner))
	home := "postgres"
	if t.schema.database == home {
		home = "template1"
	}
	// The administrator is there already, and said to be.
	roles := psql(server, home)
	roles = append(roles[:len(roles):len(roles)], "--set", "ON_ERROR_STOP=0")
	steps := []struct {
		what string
		argv []string
		text []byte
	}{
		{"roles", roles, t.schema.roles},
		{"database", psql(server, home), []byte(fresh)},
		{"schema", psql(server, t.schema.database), t.schema.tables},
		{"records", psql(server, t.schema.database), t.schema.records},
		{"trace", psql(server, t.schema.database), []byte(traceSQL)},
	}
	for _, step := range steps {
		if err := t.lab.Pipe(ctx, t.shadow, step.argv, bytes.NewReader(step.text), io.Discard, shadowLimit); err != nil {
			return fmt.Errorf("%s of the shadow: %w", step.what, err)
		}
	}
	return nil
}

// say writes a note of the trial itself into the log.
func (t *trial) say(ctx context.Context, event string) error {
	script := fmt.Sprintf("DO $$BEGIN RAISE LOG '%s%%', '{\"event\": \"%s\"}'; END$$;", notePrefix, event)
	return t.lab.Pipe(ctx, t.shadow, psql(t.server, t.schema.database), strings.NewReader(script), io.Discard, shadowLimit)
}

// readLog reads the log up to the note of its end.
func (t *trial) readLog(ctx context.Context) (traced, error) {
	for deadline := time.Now().Add(logLimit); ; {
		log, written := io.Pipe()
		go func() { written.CloseWithError(t.lab.Log(ctx, t.shadow, written)) }()
		found, err := parseLog(log)
		_ = log.Close()
		if whole := !errors.Is(err, errNoEnd) && !errors.Is(err, errTorn); whole || time.Now().After(deadline) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return found, ctx.Err()
		case <-time.After(shadowPoll):
		}
	}
}

// snapshotsSQL reads the catalogs, one in a line.
const snapshotsSQL = `SELECT jsonb_build_object('name', name, 'catalog', catalog) FROM gapless_trace.snapshot ORDER BY number;`

// finish reads what happened in the shadow since the first note of a begin.
func (t *trial) finish(ctx context.Context) (found traced, err error) {
	if err := t.say(ctx, noteEnd); err != nil {
		return found, err
	}
	if found, err = t.readLog(ctx); err != nil {
		return found, err
	}
	var catalogs bytes.Buffer
	if err := t.lab.Pipe(ctx, t.shadow, psql(t.server, t.schema.database), strings.NewReader(snapshotsSQL), &catalogs, shadowLimit); err != nil {
		return found, err
	}
	for line := range bytes.Lines(catalogs.Bytes()) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			found.Snapshots = append(found.Snapshots, json.RawMessage(line))
		}
	}
	return found, nil
}
