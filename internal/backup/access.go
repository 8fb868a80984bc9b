package backup

import (
	"cmp"
	"fmt"
	"strings"
)

// passwordFile is where the tools find the password: in no environment, in no
// argument and in nothing that docker inspect shows.
const passwordFile = "/.gapless-pgpass"

// client is how tools reach a server: over the loopback of its own network, as
// root of a container that has no capability.
type client struct {
	run     string // identity of whoever asks
	prefix  string // that names of containers begin with
	server  Server
	timeout string // lock_timeout
}

// lockTimeout is how long a dump or a count waits for a table that somebody has
// locked. Whoever locks must not wait for a backup for ever either: everything
// behind it in the queue of the lock would.
const lockTimeout = "30s"

// command is a tool of the server's image that talks to a database.
func (c client) command(step, database string, argv ...string) Command {
	env := []string{
		"PGHOST=127.0.0.1", "PGPORT=" + cmp.Or(c.server.Port, "5432"), "PGUSER=" + c.server.User, "PGDATABASE=" + database,
		"PGAPPNAME=gapless backup", "PGCONNECT_TIMEOUT=15", "PGPASSFILE=" + passwordFile, "PGCLIENTENCODING=UTF8",
		"PGOPTIONS=-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c row_security=off -c client_min_messages=warning -c lock_timeout=" + lockTimeout,
		"LC_MESSAGES=C", "HOME=/tmp",
	}
	command := Command{Name: c.prefix + step, Run: c.run, ImageID: c.server.ImageID, Argv: argv, User: "0:0", Env: env, Join: c.server.ContainerID}
	if c.server.Password != "" {
		command.Files = map[string][]byte{passwordFile: []byte("*:*:*:*:" + escapePassword(c.server.Password) + "\n")}
	}
	return command
}

// escapePassword writes a password as in a password file of libpq.
func escapePassword(password string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(password)
}

// conninfo names a database where a bare name could be taken for something else.
func conninfo(database string) string {
	return "dbname='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database) + "'"
}

// quoteName quotes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText quotes a string constant.
func quoteText(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// Environment reads how to get into a server from the environment of its
// container, as the Postgres image takes it. readFile reads the files that
// variables name in place of values.
func Environment(environ []string, readFile func(path string) ([]byte, error)) (user, password, port string, err error) {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	value := func(name string) string {
		file := values[name+"_FILE"]
		if values[name] != "" || file == "" || err != nil {
			return values[name]
		}
		content, readErr := readFile(file)
		if readErr != nil {
			err = fmt.Errorf("%s_FILE: %w", name, readErr)
		}
		return strings.TrimRight(string(content), "\r\n")
	}
	user, password = cmp.Or(value("POSTGRES_USER"), "postgres"), value("POSTGRES_PASSWORD")
	return user, password, values["PGPORT"], err
}
