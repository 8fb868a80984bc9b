package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gapless/internal/update"
)

// Exchange implements update.Restores.
func (w *Rewind) Exchange(ctx context.Context, backup string, databases []update.Exchanged) error {
	return w.swap(ctx, databases, true, forthScript(backup, databases))
}

// ExchangeBack implements update.Restores. An exchange of a process that died
// either is at its end or never comes to it.
func (w *Rewind) ExchangeBack(ctx context.Context, databases []update.Exchanged) error {
	var err error
	for attempt := 0; ; attempt++ {
		if err = w.Engine.Fence(ctx, w.Run, w.names()); err == nil {
			if never, askErr := w.neverExchanged(ctx, databases); askErr == nil && never {
				return nil // whoever was in the way of it may still be
			}
			err = w.swap(ctx, databases, false, backScript(databases))
		}
		if err == nil || attempt == len(backPauses) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(backPauses[attempt]):
		}
	}
}

// neverExchanged tells whether there is nothing to take back, and no exchange on
// its way either.
func (w *Rewind) neverExchanged(ctx context.Context, databases []update.Exchanged) (never bool, err error) {
	err = w.inSession(ctx, func(s *session) error {
		found, err := askJSON[bool](s, "SELECT to_json(NOT "+exchangedSQL(databases[0])+" AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = "+
			quoteText(applicationName)+" AND pid <> pg_backend_pid()))")
		never = err == nil && len(found) == 1 && found[0]
		return err
	})
	return never, err
}

// swap runs a script that nobody interrupts, and asks what became of it.
func (w *Rewind) swap(ctx context.Context, databases []update.Exchanged, forth bool, script string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeWait)
	defer cancel()
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	command := c.command(stepSwap, administrative, append(psql, "--file="+swapFile)...)
	if command.Files == nil {
		command.Files = map[string][]byte{}
	}
	command.Files[swapFile] = []byte(script)
	failure := w.Engine.Run(ctx, command)
	done, err := w.isExchanged(ctx, databases)
	switch {
	case err != nil:
		return &UnclearError{errors.Join(failure, err)}
	case done == forth:
		return nil // also where only its answer was lost
	case failure == nil:
		failure = errNotExchanged
	}
	return w.blocked(ctx, databases, failure)
}

// isExchanged asks the server. All databases are, or none.
func (w *Rewind) isExchanged(ctx context.Context, databases []update.Exchanged) (exchanged bool, err error) {
	err = w.inSession(ctx, func(s *session) error {
		found, err := askJSON[bool](s, "SELECT to_json("+exchangedSQL(databases[0])+")")
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("psql gave %d answers", len(found))
		}
		if err == nil {
			exchanged = found[0]
		}
		return err
	})
	return exchanged, err
}

// exchangedSQL tells whether a restored database has its name.
func exchangedSQL(d update.Exchanged) string {
	there := func(name string) string {
		return "EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = " + quoteText(name) + ")"
	}
	condition := there(d.Name) + " AND NOT " + there(d.Fresh)
	if d.Kept != "" {
		condition += " AND " + there(d.Kept)
	}
	return "(" + condition + ")"
}

// ifSQL does something in one transaction, if the databases are in that state
// once nobody else can change it: the exchange of a dead process may be on its
// way. It ends with an error rather than wait for anybody for long.
func ifSQL(condition string, names []string, acts []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, quoteText(name))
	}
	return "BEGIN;\nSET LOCAL lock_timeout = '10s';\nLOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE;\n" +
		"SELECT " + condition + " AS due \\gset\n\\if :due\n" +
		"SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IN (" + strings.Join(quoted, ", ") + ");\n" +
		strings.Join(acts, "\n") + "\n\\endif\nCOMMIT;\n"
}

// forthScript gives the restored databases the names, with the comments of those
// of today.
func forthScript(backup string, databases []update.Exchanged) string {
	var names, acts []string
	for _, d := range databases {
		names = append(names, d.Fresh)
		if d.Kept != "" {
			names = append(names, d.Name)
			acts = append(acts,
				commentSQL(d.Name, d.Fresh, "shobj_description(oid, 'pg_database')"),
				commentSQL(d.Name, d.Name, quoteText(keptMark+"put aside by the restore of backup "+backup)+" || coalesce(chr(10) || shobj_description(oid, 'pg_database'), '')"),
				renameSQL(d.Name, d.Kept))
		}
		acts = append(acts, renameSQL(d.Fresh, d.Name))
	}
	return ifSQL("NOT "+exchangedSQL(databases[0]), names, acts)
}

// backScript gives the databases of today their names and comments back.
func backScript(databases []update.Exchanged) string {
	var names, acts []string
	for _, d := range databases {
		names = append(names, d.Name)
		acts = append(acts, renameSQL(d.Name, d.Fresh))
		if d.Kept != "" {
			names = append(names, d.Kept)
			acts = append(acts, renameSQL(d.Kept, d.Name),
				commentSQL(d.Name, d.Name, "nullif(substr(c, strpos(c || chr(10), chr(10)) + 1), '')"))
		}
	}
	return ifSQL(exchangedSQL(databases[0]), names, acts)
}

func renameSQL(from, to string) string {
	return fmt.Sprintf("ALTER DATABASE %s RENAME TO %s;", quoteName(from), quoteName(to))
}

// commentSQL gives a database a comment made of that of a database, which is c.
func commentSQL(of, database, expression string) string {
	return fmt.Sprintf("SELECT format('COMMENT ON DATABASE %%I IS %%L', %s, %s) FROM (SELECT oid, shobj_description(oid, 'pg_database') AS c FROM pg_catalog.pg_database WHERE datname = %s) d \\gexec",
		quoteText(database), expression, quoteText(of))
}

// BlockedError says who is in the way of an exchange.
type BlockedError struct {
	Err error
	By  []string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%v; still there: %s", e.Err, strings.Join(e.By, ", "))
}

// Unwrap gives the cause.
func (e *BlockedError) Unwrap() error { return e.Err }

// Hint tells what to do about it.
func (e *BlockedError) Hint() string {
	return "end these sessions (SELECT pg_terminate_backend(PID)), and prepared transactions by COMMIT PREPARED or ROLLBACK PREPARED"
}

// blocked adds to a failure who may have been in the way.
func (w *Rewind) blocked(ctx context.Context, databases []update.Exchanged, failure error) error {
	var names []string
	for _, d := range databases {
		names = append(names, quoteText(d.Name), quoteText(d.Fresh))
		if d.Kept != "" {
			names = append(names, quoteText(d.Kept))
		}
	}
	among := strings.Join(names, ", ")
	var by []string
	err := w.inSession(ctx, func(s *session) (err error) {
		by, err = askJSON[string](s, `SELECT to_json(format('pid %s (%s)', pid, coalesce(nullif(application_name, ''), 'no name'))) FROM pg_catalog.pg_stat_activity
	WHERE pid <> pg_backend_pid() AND (datname IN (`+among+`) OR pid IN (SELECT pid FROM pg_catalog.pg_locks WHERE relation = 'pg_catalog.pg_database'::regclass AND granted))
	UNION ALL SELECT to_json(format('the prepared transaction %L', gid)) FROM pg_catalog.pg_prepared_xacts WHERE database IN (`+among+`)`)
		return err
	})
	if err != nil || len(by) == 0 {
		return failure
	}
	return &BlockedError{failure, by}
}
