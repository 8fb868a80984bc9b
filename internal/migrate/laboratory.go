package migrate

import (
	"context"
	"io"
	"time"

	"gapless/internal/update"
)

// Laboratory is what trials need of the engine. All that it makes bears the run.
type Laboratory interface {
	// Ask runs a command in a one-off of a service, and returns what it printed.
	Ask(ctx context.Context, spec update.CreateSpec, atMost time.Duration) ([]string, error)
	// Server describes the Postgres of a container that runs.
	Server(ctx context.Context, container string) (update.PostgresServer, error)
	// OpenNetwork makes a network without a way out.
	OpenNetwork(ctx context.Context, name, run string) error
	// StartShadow makes and starts an empty server, and does not wait for it.
	StartShadow(ctx context.Context, spec update.ShadowSpec) error
	// Pipe runs a command that changes nothing outside of its container, with an
	// input and an output. Another exit code than 0 is an error with what the
	// command complained.
	Pipe(ctx context.Context, container string, argv []string, in io.Reader, out io.Writer, atMost time.Duration) error
	// Log writes all that a container has said.
	Log(ctx context.Context, container string, out io.Writer) error
	// Clear removes whatever the run made.
	Clear(ctx context.Context, run string) error
}

// Cache keeps what was found out. A verdict holds for two images, a list of
// migrations and a schema.
type Cache interface {
	Verdict(key string) ([]byte, bool)
	SaveVerdict(key string, content []byte) error
}
