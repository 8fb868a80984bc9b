package migrate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// catalog is a schema at one moment.
type catalog struct {
	tables map[string]map[string]column
	rules  map[string]rule
}

// column is a column as the server has it.
type column struct {
	kind     string // its type
	required bool   // NOT NULL
	filled   bool   // the server has a value where an INSERT leaves it out
}

// rule is what rows of a table must obey.
type rule struct {
	table   string
	kind    string // "u": unique, "c": a check, "f": a foreign key, "x": an exclusion
	columns []string
	// definition is what it asks of them; empty for a plain unique rule. What has
	// expressions in its index may be about any column.
	definition, expressions string
}

// key tells two rules apart.
func (r rule) key() string { return r.String() + ": " + sameText(r.definition) }

// Casts between texts come and go with the type of a column, and refuse nothing.
var (
	textCasts = regexp.MustCompile(`::(text|character varying)\b(\[\]|([^(\[]|$))`)
	oneName   = regexp.MustCompile(`(^|\W)\(("?\w+"?)\)`)
)

// sameText is a definition without what changes with the type of a text column.
func sameText(definition string) string {
	return oneName.ReplaceAllString(textCasts.ReplaceAllString(definition, "$3"), "$1$2")
}

// concerns tells whether rows that set a column may be refused.
func (r rule) concerns(name string) bool {
	return r.expressions != "" || len(r.columns) == 0 || slices.Contains(r.columns, name)
}

func (r rule) String() string {
	kinds := map[string]string{"u": "a unique rule", "c": "a check", "f": "a foreign key", "x": "an exclusion rule"}
	of := slices.Clone(r.columns)
	if r.expressions != "" {
		of = append(of, sameText(r.expressions))
	}
	return kinds[r.kind] + " on " + r.table + " (" + strings.Join(of, ", ") + ")"
}

// UnmarshalJSON reads what the shadow wrote.
func (c *catalog) UnmarshalJSON(text []byte) error {
	var in struct {
		Columns [][5]any `json:"columns"`
		Rules   [][5]any `json:"rules"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	c.tables, c.rules = map[string]map[string]column{}, map[string]rule{}
	for _, row := range in.Columns {
		table, name, kind := fmt.Sprint(row[0]), fmt.Sprint(row[1]), fmt.Sprint(row[2])
		if c.tables[table] == nil {
			c.tables[table] = map[string]column{}
		}
		c.tables[table][name] = column{kind: kind, required: row[3] == true, filled: row[4] == true}
	}
	for _, row := range in.Rules {
		one := rule{table: fmt.Sprint(row[0]), kind: fmt.Sprint(row[1])}
		one.definition, _ = row[3].(string)
		one.expressions, _ = row[4].(string)
		names, _ := row[2].([]any)
		for _, name := range names {
			one.columns = append(one.columns, fmt.Sprint(name))
		}
		slices.Sort(one.columns)
		c.rules[one.key()] = one
	}
	return nil
}

// snapshot is the catalog after one migration; the first one has no name and is
// from before them all.
type snapshot struct {
	Name    string  `json:"name"`
	Catalog catalog `json:"catalog"`
}
