package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// swapFile is where the tool finds what it must do to its end by itself, also
// if this process dies.
const swapFile = "/.gapless-swap.sql"

// exchangeWait bounds an exchange. Each of its locks has a shorter limit.
const exchangeWait = 2 * time.Minute

// exchange gives the restored databases their names, all at once. Whoever wants
// to connect meanwhile waits for the lock; who was connected is cut off, because
// a database that is in use cannot be renamed. Nobody interrupts it.
func (m *Maker) exchange(ctx context.Context, r *Restoration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeWait)
	defer cancel()
	command := r.client.command(stepSwap, administrative, append(psql, "--file="+swapFile)...)
	if command.Files == nil {
		command.Files = map[string][]byte{}
	}
	command.Files[swapFile] = []byte(swapScript(r))
	err := m.Engine.Run(ctx, command)
	if err == nil {
		return nil
	}
	done, askErr := m.exchanged(r)
	switch {
	case askErr != nil:
		return &UnclearError{errors.Join(err, askErr)}
	case done:
		return nil // only its answer was lost
	}
	return err
}

// swapScript renames in one transaction.
func swapScript(r *Restoration) string {
	var names, renames []string
	for _, t := range r.databases {
		if t.exists {
			names = append(names, quoteText(t.Name))
			renames = append(renames, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s;\nCOMMENT ON DATABASE %[2]s IS %s;", quoteName(t.Name), quoteName(t.kept),
				quoteText(keptMark+"put aside by the restore of backup "+r.ID)))
		}
		names = append(names, quoteText(t.fresh))
		renames = append(renames, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s;", quoteName(t.fresh), quoteName(t.Name)))
	}
	return "BEGIN;\nSET LOCAL lock_timeout = '10s';\nLOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE;\n" +
		"SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IN (" + strings.Join(names, ", ") + ");\n" +
		strings.Join(renames, "\n") + "\nCOMMIT;\n"
}

// exchanged asks the server whether the restored databases have their names. All
// have, or none.
func (m *Maker) exchanged(r *Restoration) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), exchangeWait)
	defer cancel()
	s := openSession(ctx, m.Engine, r.client, stepAsk, administrative)
	found, err := askJSON[int](s, "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = "+quoteText(r.databases[0].fresh))
	if err = errors.Join(err, s.close()); err != nil {
		return false, err
	}
	return found[0] == 0, nil
}

// UnclearError says that nobody knows whether databases were exchanged.
type UnclearError struct{ Err error }

func (e *UnclearError) Error() string {
	return "the server did not say whether the databases were exchanged: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *UnclearError) Unwrap() error { return e.Err }

// Hint tells what to do about it.
func (e *UnclearError) Hint() string {
	return "look at the databases of the server (psql -l): if there is one that ends in ..." + keptInfix + "DATE, they were; else nothing was touched"
}
