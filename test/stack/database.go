package stack

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gapless/test/load"
)

// accountPoll is how often the database is asked while tasks are under way.
const accountPoll = 300 * time.Millisecond

// Account holds what the clients saw against the database. It waits until all
// queued tasks are finished, but not longer than patience.
func (s *Stack) Account(ctx context.Context, report load.Report, patience time.Duration) (Account, error) {
	deadline := time.Now().Add(patience)
	for {
		account, err := s.accountNow(ctx, report)
		if err != nil || len(account.LostTasks) == 0 || time.Now().After(deadline) {
			return account, err
		}
		select {
		case <-ctx.Done():
			return account, ctx.Err()
		case <-time.After(accountPoll):
		}
	}
}

func (s *Stack) accountNow(ctx context.Context, report load.Report) (account Account, err error) {
	posts, err := s.posts(ctx)
	if err != nil {
		return account, err
	}
	tasks, err := s.tasks(ctx)
	if err != nil {
		return account, err
	}
	beats, err := s.beats(ctx)
	if err != nil {
		return account, err
	}
	account.judgePosts(report.Samples(), posts)
	account.judgeTasks(tasks)
	account.judgeBeats(beats)
	return account, nil
}

// Query asks the database of the stack and returns rows of columns.
func (s *Stack) Query(ctx context.Context, sql string) ([][]string, error) {
	text, err := s.Compose(ctx, "exec", "-T", "db", "psql", "-U", "tours", "-d", "tours",
		"--no-align", "--tuples-only", "--field-separator", "\t", "--set", "ON_ERROR_STOP=1", "--command", sql)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}

func (s *Stack) posts(ctx context.Context) (map[string]int, error) {
	rows, err := s.Query(ctx, "SELECT request, count(*) FROM tours_tour GROUP BY 1")
	posts := map[string]int{}
	for _, row := range rows {
		if posts[row[0]], err = strconv.Atoi(row[1]); err != nil {
			return nil, err
		}
	}
	return posts, err
}

func (s *Stack) tasks(ctx context.Context) (map[string]taskCount, error) {
	rows, err := s.Query(ctx, `SELECT subject, count(*) FILTER (WHERE kind = 'task-queued'),
		count(*) FILTER (WHERE kind = 'task-started'), count(*) FILTER (WHERE kind = 'task-finished')
		FROM tours_journal WHERE kind LIKE 'task-%' GROUP BY 1`)
	tasks := map[string]taskCount{}
	for _, row := range rows {
		var count taskCount
		if _, err := fmt.Sscan(strings.Join(row[1:], " "), &count.queued, &count.started, &count.finished); err != nil {
			return nil, err
		}
		tasks[row[0]] = count
	}
	return tasks, err
}

func (s *Stack) beats(ctx context.Context) ([]beatNote, error) {
	rows, err := s.Query(ctx, `SELECT kind, by, (extract(epoch FROM at) * 1000000)::bigint
		FROM tours_journal WHERE kind LIKE 'beat-%' ORDER BY at, id`)
	var notes []beatNote
	for _, row := range rows {
		microseconds, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return nil, err
		}
		notes = append(notes, beatNote{kind: row[0], by: row[1], at: time.UnixMicro(microseconds)})
	}
	return notes, err
}
