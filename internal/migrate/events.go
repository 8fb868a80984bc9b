package migrate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// traced is what a shadow said while migrations ran in it.
type traced struct {
	Migrations []tracedMigration `json:"migrations"`
	Connected  bool              `json:"connected"` // somebody else than the trial asked the server for something
	Snapshots  []json.RawMessage `json:"-"`
}

// tracedMigration is one migration, to where it was noted as done.
type tracedMigration struct {
	Name       string            `json:"name"` // empty: it was not noted
	Statements []tracedStatement `json:"statements"`
}

// tracedStatement is a statement as the server got it.
type tracedStatement struct {
	SQL  string `json:"sql"`
	Seen bool   `json:"seen"` // the server said what it did; it does of DDL alone
	// Locks are those that it took on tables which were there before, and Held
	// those that its transaction had when it ended, both by table.
	Locks    map[string][]string `json:"locks,omitempty"`
	Held     map[string][]string `json:"held,omitempty"`
	Rewrites []string            `json:"rewrites,omitempty"`
	Scans    []string            `json:"scans,omitempty"`
	Error    string              `json:"error,omitempty"`
	// Transaction is the one that it was in: 0 for one of its own.
	Transaction int `json:"transaction,omitempty"`
}

// note is what an event trigger of trace.sql says.
type note struct {
	Event string           `json:"event"`
	Name  string           `json:"name"`
	Locks [][2]string      `json:"locks"`
	Scans map[string]int64 `json:"scans"`
}

// The beginnings of the lines, as startOptions of the shadow asks for them.
var (
	logLine   = regexp.MustCompile(`^gapless (\d+): (LOG|ERROR|FATAL|PANIC):  (.*)$`)
	changes   = regexp.MustCompile(`(?is)^\s*(insert|update|delete|merge|truncate|copy|do|call)\b`)
	statement = regexp.MustCompile(`^(?:statement|execute [^:]*): (.*)$`)
)

const (
	notePrefix = "gapless-trace "
	// The trial itself says when the migrations begin and end.
	noteBegin, noteEnd, noteApplied = "begin", "end", "applied"
)

// maxLogLine bounds one line: a statement may be long.
const maxLogLine = 16 << 20

// message is one message of the log.
type message struct{ pid, level, text string }

// messages joins the lines of each message: further ones begin with a tab.
func messages(log io.Reader) ([]message, error) {
	var all []message
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLogLine)
	joins := false
	for lines.Scan() {
		line := lines.Text()
		if match := logLine.FindStringSubmatch(line); match != nil {
			all, joins = append(all, message{match[1], match[2], match[3]}), true
		} else if rest, more := strings.CutPrefix(line, "\t"); more && joins {
			all[len(all)-1].text += "\n" + rest
		} else {
			joins = false
		}
	}
	return all, lines.Err()
}

// The two say that a log is not whole, or not yet.
var (
	errNoEnd = errors.New("its log cannot be read: the server writes it elsewhere")
	errTorn  = errors.New("a note of the shadow is torn")
)

// parseLog reads what happened between the begin and the end of the migrations.
func parseLog(log io.Reader) (traced, error) {
	all, err := messages(log)
	if err != nil {
		return traced{}, fmt.Errorf("read the log of the shadow: %w", err)
	}
	r := &logReader{last: map[string]int{}, began: map[string]note{}, open: map[string]int{}}
	for _, m := range all {
		if err := r.message(m); err != nil {
			return traced{}, err
		}
	}
	if !r.complete {
		return traced{}, errNoEnd
	}
	r.close("")
	return r.found, nil
}

// logReader puts together what belongs to one statement.
type logReader struct {
	found    traced
	current  []tracedStatement
	last     map[string]int  // index of the newest statement, by process
	began    map[string]note // what was so before a statement, by process
	within   bool
	complete bool

	open         map[string]int // transaction that is open, by process
	transactions int
}

func (r *logReader) message(m message) error {
	if text, is := strings.CutPrefix(m.text, notePrefix); is && m.level == "LOG" {
		var one note
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return fmt.Errorf("%w: %w", errTorn, err)
		}
		r.note(m.pid, one)
		return nil
	}
	if !r.within {
		return nil
	}
	at, known := r.last[m.pid]
	switch match := statement.FindStringSubmatch(firstLine(m.text)); {
	case m.level != "LOG":
		if known && at < len(r.current) {
			r.current[at].Error = firstLine(m.text)
		}
	case match != nil && !strings.Contains(m.text, notePrefix):
		sql := match[1] + m.text[len(firstLine(m.text)):]
		r.found.Connected = true
		r.current = append(r.current, tracedStatement{SQL: sql, Transaction: r.transaction(m.pid, sql)})
		r.last[m.pid] = len(r.current) - 1
	}
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// note takes in what the server said of a statement.
func (r *logReader) note(pid string, one note) {
	switch one.Event {
	case noteBegin:
		r.within, r.current, r.last = true, nil, map[string]int{}
		return
	case noteEnd:
		r.within, r.complete = false, true
		return
	case noteApplied:
		r.close(one.Name)
		return
	case "ddl_command_start":
		r.began[pid] = one
		return
	}
	at, known := r.last[pid]
	if !r.within || !known || at >= len(r.current) {
		return
	}
	s := &r.current[at]
	s.Seen = true
	if one.Event == "table_rewrite" {
		s.Rewrites = append(s.Rewrites, one.Name)
		return
	}
	before := r.began[pid]
	for _, lock := range one.Locks {
		s.Held = withLock(s.Held, lock)
		if !slices.Contains(before.Locks, lock) {
			s.Locks = withLock(s.Locks, lock)
		}
	}
	for table, count := range one.Scans {
		if count > before.Scans[table] && !slices.Contains(s.Scans, table) {
			s.Scans = append(s.Scans, table)
		}
	}
	slices.Sort(s.Scans)
}

func withLock(locks map[string][]string, lock [2]string) map[string][]string {
	if locks == nil {
		locks = map[string][]string{}
	}
	if name := lockName(lock[1]); !slices.Contains(locks[lock[0]], name) {
		locks[lock[0]] = append(locks[lock[0]], name)
	}
	return locks
}

// close ends a migration. What follows the last one, such as the permissions that
// Django writes, belongs to none of them.
func (r *logReader) close(name string) {
	if name != "" || slices.ContainsFunc(r.current, func(s tracedStatement) bool {
		return s.Seen || s.Error != "" || changes.MatchString(s.SQL) && len(r.found.Migrations) == 0
	}) {
		r.found.Migrations = append(r.found.Migrations, tracedMigration{Name: name, Statements: r.current})
	}
	r.current, r.last = nil, map[string]int{}
}

// lockWords are the locks of Postgres by what pg_locks calls them.
var lockWords = map[string]string{
	"AccessShareLock": "ACCESS SHARE", "RowShareLock": "ROW SHARE", "RowExclusiveLock": "ROW EXCLUSIVE", "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
	"ShareLock": "SHARE", "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE", "ExclusiveLock": "EXCLUSIVE", "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}

func lockName(mode string) string {
	if name, is := lockWords[mode]; is {
		return name
	}
	return mode
}
