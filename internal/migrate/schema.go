package migrate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gapless/internal/migrate/ddl"
	"gapless/internal/update"
)

// recordTables are where tools note which migrations have run. Their rows are
// all that is read of the data.
var recordTables = []string{"django_migrations", "django_content_type", "alembic_version", "schema_migrations", "ar_internal_metadata", "goose_db_version",
	"_prisma_migrations", "knex_migrations", "knex_migrations_lock", "flyway_schema_history", "migrations"}

// schema is that of a database in production.
type schema struct {
	database string
	owner    string
	version  ddl.Target
	roles    []byte
	tables   []byte
	records  []byte
	sizes    map[string]update.Table
}

// psql is a command for a script, as the administrator, within the container.
func psql(server update.PostgresServer, database string) []string {
	return []string{"psql", "--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--field-separator", "\t",
		"--set", "ON_ERROR_STOP=1", "--username", server.User, "--dbname", database}
}

// sizesSQL asks for the owner, the version and how large the tables are, by
// themselves and with all that belongs to them on the disk of the database. What
// was never counted is -1.
const sizesSQL = `SELECT '', pg_get_userbyid(datdba), current_setting('server_version_num') FROM pg_database WHERE datname = current_database();
	SELECT CASE WHEN n.nspname = 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END, pg_relation_size(c.oid),
	CASE WHEN c.reltuples > 0 THEN c.reltuples::bigint ELSE coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), -1) END,
	CASE WHEN c.reltablespace = 0 THEN pg_total_relation_size(c.oid) ELSE 0 END
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast');`

// readSchema reads what a shadow is made from. It takes ACCESS SHARE locks, and
// gives up rather than to wait for one.
func readSchema(ctx context.Context, lab Laboratory, container string, server update.PostgresServer, database string) (schema, error) {
	found := schema{database: database, sizes: map[string]update.Table{}}
	var roles, tables, records, sizes bytes.Buffer
	wait := fmt.Sprintf("--lock-wait-timeout=%d", dumpLockWait.Milliseconds())
	dump := []string{"pg_dump", "--no-password", wait, "--username", server.User, "--dbname", database}
	// Other roles than the administrator may own tables, and log in.
	if err := lab.Pipe(ctx, container, []string{"pg_dumpall", "--no-password", "--roles-only", "--username", server.User, "--database", database}, nil, &roles, dumpLimit); err != nil {
		return found, err
	}
	if err := lab.Pipe(ctx, container, append(dump, "--schema-only"), nil, &tables, dumpLimit); err != nil {
		return found, err
	}
	rows := append(dump, "--data-only")
	for _, name := range recordTables {
		rows = append(rows, "--table", "*."+name)
	}
	if err := lab.Pipe(ctx, container, rows, nil, &records, dumpLimit); err != nil && !strings.Contains(err.Error(), "no matching tables") {
		return found, err
	}
	if err := lab.Pipe(ctx, container, psql(server, database), strings.NewReader(sizesSQL), &sizes, dumpLimit); err != nil {
		return found, err
	}
	found.parseSizes(sizes.String())
	found.roles, found.tables, found.records = roles.Bytes(), tables.Bytes(), records.Bytes()
	return found, nil
}

// parseSizes reads the answer to sizesSQL. The line without a table is about the
// database.
func (s *schema) parseSizes(text string) {
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(fields) < 3 {
			continue
		}
		if fields[0] == "" {
			number, _ := strconv.Atoi(fields[2])
			s.owner = fields[1]
			s.version, _ = ddl.ParsePostgres(fmt.Sprintf("%d.%d", number/10000, number%10000)) // of others any version
			continue
		}
		table := update.Table{Name: fields[0], Known: true}
		table.Bytes, _ = strconv.ParseInt(fields[1], 10, 64)
		table.Rows, _ = strconv.ParseInt(fields[2], 10, 64)
		if len(fields) > 3 {
			table.Whole, _ = strconv.ParseInt(fields[3], 10, 64)
		}
		s.sizes[table.Name] = table
	}
}

// volatile is what differs between two dumps of one schema.
var volatile = regexp.MustCompile(`(?m)^(--|\\restrict|\\unrestrict).*$`)

// hash changes with the schema.
func (s schema) hash() string {
	sum := sha256.New()
	sum.Write(volatile.ReplaceAll(s.tables, nil))
	sum.Write(volatile.ReplaceAll(s.records, nil))
	return hex.EncodeToString(sum.Sum(nil))
}

// quoteName quotes the name of a database for SQL.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
