package backup

import "strings"

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

// applicationName is how the server knows our tools.
const applicationName = "gapless backup"

// command is a tool of the server's image that talks to a database.
func (c client) command(step, database string, argv ...string) Command {
	env := []string{
		"PGHOST=127.0.0.1", "PGPORT=" + c.server.Port, "PGUSER=" + c.server.User, "PGDATABASE=" + database,
		"PGAPPNAME=" + applicationName, "PGCONNECT_TIMEOUT=15", "PGPASSFILE=" + passwordFile, "PGCLIENTENCODING=UTF8",
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
