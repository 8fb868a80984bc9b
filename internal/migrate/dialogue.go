package migrate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// dialogue is a psql that is asked one thing after the other. It ends with the
// first answer that does not come.
type dialogue struct {
	connection io.ReadWriteCloser
	answers    *bufio.Scanner
	number     int
}

func newDialogue(connection io.ReadWriteCloser) *dialogue {
	d := &dialogue{connection: connection, answers: bufio.NewScanner(connection)}
	d.answers.Buffer(nil, maxLogLine)
	return d
}

// ask sends SQL and returns the lines of the answer.
func (d *dialogue) ask(ctx context.Context, sql string, atMost time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	stop := context.AfterFunc(ctx, d.Close)
	defer stop()
	d.number++
	mark := fmt.Sprintf("gapless-answered %d ", d.number)
	// psql says whether the last statement failed.
	if _, err := fmt.Fprintf(d.connection, "%s\n\\echo %s:ERROR\n", sql, mark); err != nil {
		return nil, d.broken(ctx, err, nil)
	}
	var lines []string
	for d.answers.Scan() {
		line := strings.TrimRight(d.answers.Text(), "\r")
		failed, last := strings.CutPrefix(line, mark)
		switch {
		case !last:
			lines = append(lines, line)
		case failed == "false":
			return lines, nil
		default:
			return nil, fmt.Errorf("psql: %s", strings.Join(lines, "; "))
		}
	}
	return nil, d.broken(ctx, d.answers.Err(), lines)
}

// broken is why there is no answer; lines is what psql said last.
func (d *dialogue) broken(ctx context.Context, err error, lines []string) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("psql does not answer: %w", ctx.Err())
	case len(lines) > 0:
		return fmt.Errorf("psql: %s", strings.Join(lines, "; "))
	case err == nil:
		err = errors.New("it ended")
	}
	return fmt.Errorf("psql: %w", err)
}

// Close ends psql, and its session with it.
func (d *dialogue) Close() { _ = d.connection.Close() }
