package migrate

import (
	"slices"
	"strings"
	"testing"
)

// A run that fails half-way leaves nothing if it is one transaction with its
// record, or one statement before it.
func TestRepeatable(t *testing.T) {
	const record = "INSERT INTO django_migrations (app) VALUES ('a')"
	for name, c := range map[string]struct {
		statements []string
		want       bool
	}{
		"one transaction":               {[]string{"COMMIT", "BEGIN", "ALTER TABLE a ADD b int", "SAVEPOINT x", "UPDATE a SET b = 1", "ROLLBACK TO SAVEPOINT x", "UPDATE a SET b = 2", record, "COMMIT"}, true},
		"one statement":                 {[]string{"CREATE INDEX CONCURRENTLY i ON a (b)", record}, true},
		"one text of several":           {[]string{"ALTER TABLE a ADD b int; ALTER TABLE a ADD c int", record}, true},
		"nothing":                       {[]string{"SELECT 1", record}, true},
		"what can be said twice":        {[]string{"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS j ON a (c)", record}, true},
		"two statements":                {[]string{"ALTER TABLE a ADD b int", "ALTER TABLE a ADD c int", record}, false},
		"two transactions":              {[]string{"BEGIN", "ALTER TABLE a ADD b int", "COMMIT", "BEGIN", "UPDATE a SET b = 1", record, "COMMIT"}, false},
		"a record before it":            {[]string{"INSERT INTO schema_migrations VALUES (2, true)", "ALTER TABLE a ADD b int", "UPDATE schema_migrations SET dirty = false"}, false},
		"a record of its own":           {[]string{"BEGIN", "ALTER TABLE a ADD b int", "UPDATE a SET b = 1", "COMMIT", record}, false},
		"transactions within one text":  {[]string{"BEGIN; ALTER TABLE a ADD b int; COMMIT; UPDATE a SET b = 1", record}, false},
		"data outside of a transaction": {[]string{"ALTER TABLE a ADD b int", "UPDATE a SET b = 1", record}, false},
	} {
		var log strings.Builder
		log.WriteString("gapless 8: LOG:  gapless-trace {\"event\": \"begin\"}\n")
		for _, sql := range c.statements {
			log.WriteString("gapless 9: LOG:  statement: " + sql + "\n")
			if strings.Contains(sql, "TABLE") || strings.Contains(sql, "INDEX") {
				log.WriteString("gapless 9: LOG:  gapless-trace {\"event\": \"ddl_command_end\", \"locks\": [], \"scans\": {}}\n")
			}
		}
		log.WriteString("gapless 9: LOG:  gapless-trace {\"event\": \"applied\", \"name\": \"a\"}\ngapless 10: LOG:  gapless-trace {\"event\": \"end\"}\n")
		found, err := parseLog(strings.NewReader(log.String()))
		if err != nil || len(found.Migrations) != 1 {
			t.Fatalf("%s: %+v %v", name, found, err)
		}
		if got := repeatable(found.Migrations[0].Statements); got != c.want {
			t.Errorf("%s: %t\n%+v", name, got, found.Migrations[0].Statements)
		}
	}
	if repeatable([]tracedStatement{{SQL: "ALTER TABLE a ADD b int", Seen: true, Error: "no such table"}}) {
		t.Error("one that failed in the shadow is repeatable")
	}
}

// Two processes have transactions of their own.
func TestTransactionsOfTwo(t *testing.T) {
	found, err := parseLog(strings.NewReader(`gapless 8: LOG:  gapless-trace {"event": "begin"}
gapless 9: LOG:  statement: BEGIN
gapless 10: LOG:  statement: UPDATE a SET b = 1
gapless 9: LOG:  statement: UPDATE c SET d = 1
gapless 9: LOG:  statement: COMMIT
gapless 10: LOG:  gapless-trace {"event": "end"}
`))
	if err != nil || len(found.Migrations) != 1 || repeatable(found.Migrations[0].Statements) {
		t.Errorf("%+v %v", found, err)
	}
}

// A program that reads rows does more with those of production than the shadow has
// shown; in one transaction with its record it can run again all the same.
func TestReadsRows(t *testing.T) {
	first := schemaOf(t, "tour id bigint!=", "schema_migrations version bigint!=")
	see := sight{first: &first}
	const record = "INSERT INTO schema_migrations (version) VALUES (2)"
	for name, c := range map[string]struct {
		statements        []tracedStatement
		reads, withRecord bool
	}{
		"in the transaction":     {[]tracedStatement{{SQL: "BEGIN", Transaction: 1}, {SQL: "SELECT id FROM tour", Transaction: 1}, {SQL: record, Transaction: 1}, {SQL: "COMMIT", Transaction: 1}}, true, true},
		"before it":              {[]tracedStatement{{SQL: "SELECT id FROM tour"}, {SQL: record, Transaction: 1}}, true, false},
		"no transaction":         {[]tracedStatement{{SQL: "SELECT id FROM tour"}, {SQL: record}}, true, false},
		"the table of versions":  {[]tracedStatement{{SQL: "SELECT version FROM schema_migrations"}, {SQL: record, Transaction: 1}}, false, true},
		"the catalog":            {[]tracedStatement{{SQL: "SELECT 1 FROM pg_class WHERE relname = 'tour'"}, {SQL: record}}, false, false},
		"acts before its record": {[]tracedStatement{{SQL: "ALTER TABLE tour ADD b int", Seen: true}, {SQL: record, Transaction: 1}}, false, false},
		"no record at all":       {[]tracedStatement{{SQL: "ALTER TABLE tour ADD b int", Seen: true, Transaction: 1}}, false, false},
	} {
		if got := slices.ContainsFunc(c.statements, see.readsRows); got != c.reads {
			t.Errorf("%s: reads %t", name, got)
		}
		if got := see.withRecord(c.statements); got != c.withRecord {
			t.Errorf("%s: with its record %t", name, got)
		}
	}
}
