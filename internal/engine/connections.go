package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// connectionsWait bounds the question: a plan must not hang on a database.
const connectionsWait = 3 * time.Second

// postgresQuestion asks for how many connections clients may have, and how many
// there are from each address; none is that of a socket. Only the server's
// administrators may know the addresses of all. reserved_connections are of
// Postgres 16 and later.
const postgresQuestion = `select 'limit', current_setting('max_connections')::int
	- current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0)
	where current_setting('is_superuser') = 'on'
	union all select coalesce(host(client_addr), ''), count(*) from pg_stat_activity
	where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1`

// PostgresConnections asks a running Postgres, with its own client, how many
// connections it allows and has, by the address that they come from.
func (e *Engine) PostgresConnections(ctx context.Context, containerName string) (limit int, byAddress map[string]int, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectionsWait)
	defer cancel()
	about, err := e.inspect(ctx, containerName)
	if err != nil {
		return 0, nil, err
	}
	var environment []string
	if about.Config != nil {
		environment = about.Config.Env
	}
	code, text, err := e.Printed(ctx, containerName, postgresCommand(environment), connectionsWait)
	if err != nil {
		return 0, nil, err
	}
	if code != 0 {
		return 0, nil, fmt.Errorf("psql in %s: exit code %d: %s", containerName, code, strings.TrimSpace(text))
	}
	return parseConnections(text)
}

// postgresCommand asks as the user that the image made for its administrator,
// without a password: within the container none is asked for.
func postgresCommand(environment []string) []string {
	user := ""
	for _, variable := range environment {
		if name, value, _ := strings.Cut(variable, "="); name == "POSTGRES_USER" {
			user = value
		}
	}
	return []string{"psql", "--no-psqlrc", "--no-password", "--no-align", "--tuples-only", "--field-separator", " ",
		"--username", cmp.Or(user, "postgres"), "--dbname", "postgres", "--command", postgresQuestion}
}

// parseConnections reads the answer: lines of an address, which may be empty,
// and a number.
func parseConnections(text string) (limit int, byAddress map[string]int, err error) {
	byAddress = map[string]int{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		count, err := strconv.Atoi(value)
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case err != nil:
			return 0, nil, fmt.Errorf("psql said %q", line)
		case name == "limit":
			limit = count
		default:
			byAddress[name] = count
		}
	}
	if limit <= 0 {
		return 0, nil, errors.New("the user of the database may not know who is connected")
	}
	return limit, byAddress, nil
}
