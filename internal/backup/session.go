package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// session is one connection to a server, held by its psql: a snapshot lives as
// long as the transaction that exported it.
type session struct {
	in    *io.PipeWriter
	out   *bufio.Reader
	ended chan struct{} // closed once err is set
	err   error
	stop  context.CancelFunc
	fresh bool // the connection was not set up yet
}

// psql is the client without the settings of any user. It stops at the first
// error, and prints bare values.
var psql = []string{"psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set", "ON_ERROR_STOP=1", "--pset", "pager=off"}

// endOfAnswer follows each answer; no line of JSON is like it.
const endOfAnswer = "gapless-end-of-answer"

// openSession connects to a database. The session ends with the context, with
// close, or with this process.
func openSession(ctx context.Context, engine Engine, c client, step, database string) *session {
	ctx, stop := context.WithCancel(ctx)
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	s := &session{in: in, out: bufio.NewReaderSize(out, 64<<10), ended: make(chan struct{}), stop: stop, fresh: true}
	command := c.command(step, database, psql...)
	command.Stdin, command.Stdout = stdin, stdout
	go func() {
		s.err = engine.Run(ctx, command)
		close(s.ended)
		_ = stdout.Close()
		_ = stdin.CloseWithError(io.ErrClosedPipe)
	}()
	return s
}

// untimed lets a session wait and take as long as it must. Not all versions have
// these settings, and a connection that names an unknown one is refused.
const untimed = `DO $$ BEGIN
	PERFORM set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout');
END $$;
` + alike

// alike fixes how values are written, which settings of a database or a role
// change: the answers of two servers are compared by their text.
const alike = `SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
`

// ask runs statements and returns what they print, by lines.
func (s *session) ask(sql string) ([]string, error) {
	if s.fresh {
		s.fresh = false
		sql = untimed + sql
	}
	text := strings.TrimSpace(sql) // \gexec stands in place of a semicolon
	if !strings.HasSuffix(text, `\gexec`) {
		text += "\n;"
	}
	if _, err := io.WriteString(s.in, text+"\nSELECT '"+endOfAnswer+"';\n"); err != nil {
		return nil, s.failure(err)
	}
	var lines []string
	for {
		line, err := s.out.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == endOfAnswer:
			return lines, nil
		case err != nil:
			return nil, s.failure(err)
		case line != "":
			lines = append(lines, line)
		}
	}
}

// askJSON reads each line of the answer into a value.
func askJSON[T any](s *session, sql string) ([]T, error) {
	lines, err := s.ask(sql)
	if err != nil {
		return nil, err
	}
	values := make([]T, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &values[i]); err != nil {
			return nil, fmt.Errorf("psql said %.200q: %w", line, err)
		}
	}
	return values, nil
}

// argument quotes for a command of psql that takes a name: it removes double quotes
// also within single ones, and leaves one of four.
var argument = strings.NewReplacer(`\`, `\\`, `'`, `''`, `"`, `""""`)

// switchTo goes on in another database of the same server.
func (s *session) switchTo(database string) error {
	_, err := s.ask(`\connect '` + argument.Replace(conninfo(database)) + "'\n")
	s.fresh = true
	return err
}

// failure prefers what the program said to what became of its streams, which
// end only when it has.
func (s *session) failure(err error) error {
	<-s.ended
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("psql ended too soon: %w", err)
}

// close ends the session.
func (s *session) close() error {
	_ = s.in.Close()
	<-s.ended
	s.stop()
	return s.err
}
