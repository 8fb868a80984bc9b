package migrate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// makesTable is about the shape too, for code that has a model of the table.
var makesTable = regexp.MustCompile(`(?is)^\s*create\s+table\b`)

// beyondShape lists the statements of which the models do not tell whether code
// needs them: a view, a function, rows.
func beyondShape(statements []tracedStatement) []string {
	var found []string
	for _, s := range statements {
		sql := strings.TrimSpace(s.SQL)
		if sql == "" || compared(sql) || makesTable.MatchString(sql) || hidden.MatchString(sql) || records.MatchString(sql) {
			continue
		}
		found = appendNew(found, sql)
	}
	return found
}

// relied lists what a schema promises to code that has these models and did not
// promise before: a rule that it may build upon, a value where it writes none, no
// NULL where it reads.
func relied(models []model, before, after catalog) []string {
	var found []string
	for _, m := range models {
		for name, rule := range after.rules {
			if _, was := before.rules[name]; !was && rule.table == m.Table && before.tables[m.Table] != nil {
				found = appendNew(found, rule.String())
			}
		}
		for _, f := range m.Columns {
			was, there := before.tables[m.Table][f.Name]
			is := after.tables[m.Table][f.Name]
			if there && is.required && !was.required {
				found = appendNew(found, fmt.Sprintf("%s.%s has no NULL any more", m.Table, f.Name))
			}
			if there && is.filled && !was.filled {
				found = appendNew(found, fmt.Sprintf("%s.%s gets a value by itself", m.Table, f.Name))
			}
		}
	}
	slices.Sort(found)
	return found
}
