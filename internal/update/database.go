package update

import (
	"context"
	"fmt"
	"time"
)

// PostgresDatabase is a database of a Postgres in a container of the project.
type PostgresDatabase struct {
	Container string `json:"container"`
	User      string `json:"user"` // its administrator
	Name      string `json:"name"`
}

// Databases gives a way to the databases of the project.
type Databases interface {
	// Open connects to a database as its administrator. The session ends with
	// this process, however that ends.
	Open(ctx context.Context, of PostgresDatabase) (DatabaseSession, error)
}

// DatabaseSession is a session beside those of a migration, which are known by
// the name of their application. Between two calls it holds no snapshot that an
// index which is built concurrently would wait for.
type DatabaseSession interface {
	// TryLock takes the lock of whoever migrates this database, unless another
	// session has it. It is held until the session ends.
	TryLock(ctx context.Context) (bool, error)
	// Indexes lists all indexes, by what stays the same while they exist.
	Indexes(ctx context.Context) ([]string, error)
	// Waits tells who waits for the application, and for whom it waits.
	Waits(ctx context.Context, application string) (Waits, error)
	// Cancel ends what the application is doing, and the session of one that does
	// nothing within its transaction.
	Cancel(ctx context.Context, application string) error
	// End ends the sessions of the application, and tells how many are left.
	End(ctx context.Context, application string) (left int, err error)
	// DropInvalid drops indexes that are not valid and not among those known,
	// unless somebody is at work on their table. It returns the names of both.
	DropInvalid(ctx context.Context, known []string) (dropped, spared []string, err error)
	// Invalid lists the indexes that are not valid, and that nobody is at work on.
	Invalid(ctx context.Context) ([]string, error)
	// OpenLonger lists transactions of users that have been open for longer.
	OpenLonger(ctx context.Context, than time.Duration) ([]DatabaseClient, error)
	Close()
}

// Waits is who waits for whom at one moment.
type Waits struct {
	Behind []DatabaseClient // users that wait for the migration
	Before []DatabaseClient // users that the migration waits for
}

// DatabaseClient is a session of somebody else.
type DatabaseClient struct {
	PID         int
	Application string
	State       string        // as Postgres calls it: "active", "idle in transaction"
	Open        time.Duration // age of its transaction
	Query       time.Duration // since its last query began
}

// String names the session. What it asked for may hold data of users, and is not
// shown.
func (c DatabaseClient) String() string {
	text := fmt.Sprintf("pid %d (", c.PID)
	if c.Application != "" {
		text += c.Application + ", "
	}
	return text + fmt.Sprintf("%s, transaction open for %s, last query began %s ago)", c.State, DurationText(c.Open), DurationText(c.Query))
}

// SessionOptions are those of the Postgres sessions of a one-off, as far as its
// client library takes them from the environment.
type SessionOptions struct {
	Application string        // by which the sessions are known
	LockTimeout time.Duration // unless the environment of the service has its own
}
