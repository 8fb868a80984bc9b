package migrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// misfits says what code that has these models cannot do on a schema: read a
// column that is not there, or write a row that is refused.
func misfits(models []model, schema catalog) []string {
	var found []string
	for _, m := range models {
		columns, there := schema.tables[m.Table]
		if !there {
			found = append(found, m.Table+" is not there, which "+m.Label+" reads")
			continue
		}
		known := map[string]bool{}
		for _, f := range m.Columns {
			known[f.Name] = true
			has, there := columns[f.Name]
			switch {
			case !there:
				found = append(found, fmt.Sprintf("%s.%s is not there, which %s reads", m.Table, f.Name, m.Label))
			case has.required && f.Null:
				found = append(found, fmt.Sprintf("%s.%s does not take NULL, which %s may write", m.Table, f.Name, m.Label))
			case !takes(has.kind, f.Type):
				found = append(found, fmt.Sprintf("%s.%s is %s, and %s takes it for %s", m.Table, f.Name, has.kind, m.Label, *f.Type))
			}
		}
		for name, has := range columns {
			if !known[name] && has.required && !has.filled {
				found = append(found, fmt.Sprintf("%s.%s needs a value, which %s does not write", m.Table, name, m.Label))
			}
		}
	}
	slices.Sort(found)
	return found
}

// stricter says which rules one schema has and another has not, on columns that the
// code writes.
func stricter(models []model, without, with catalog) []string {
	var found []string
	for key, one := range with.rules {
		if _, both := without.rules[key]; both || without.tables[one.table] == nil {
			continue
		}
		for _, m := range models {
			writes := m.Table == one.table && slices.ContainsFunc(m.Columns, func(f field) bool { return one.concerns(f.Name) })
			if writes {
				found = append(found, fmt.Sprintf("%s may write what %s refuses", m.Label, told(one, without, with)))
			}
		}
	}
	slices.Sort(found)
	return found
}

// told names a rule, and says what it asks where another one reads the same.
func told(one rule, schemas ...catalog) string {
	for _, schema := range schemas {
		for key, other := range schema.rules {
			if key != one.key() && other.String() == one.String() && one.definition != "" {
				return one.String() + ": " + one.definition
			}
		}
	}
	return one.String()
}

// without leaves out what was so before.
func without(found, before []string) []string {
	return slices.DeleteFunc(slices.Clone(found), func(text string) bool { return slices.Contains(before, text) })
}

// spellings are what Django and the catalog call the same type.
var spellings = map[string]string{
	"serial": "integer", "bigserial": "bigint", "smallserial": "smallint", "int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint",
	"bool": "boolean", "varchar": "character varying", "char": "character", "decimal": "numeric", "timestamptz": "timestamp with time zone",
	"timestamp": "timestamp without time zone", "time": "time without time zone", "float8": "double precision",
}

// plainType splits a type into its name and its limits.
func plainType(text string) (name string, limits []int) {
	text, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(text)), " generated ")
	if one, array := strings.CutSuffix(text, "[]"); array {
		name, limits = plainType(one)
		return name + "[]", limits
	}
	head, rest, limited := strings.Cut(text, "(")
	if limited {
		inner, tail, _ := strings.Cut(rest, ")")
		for _, one := range strings.Split(inner, ",") {
			number, err := strconv.Atoi(strings.TrimSpace(one))
			if err != nil {
				return text, nil
			}
			limits = append(limits, number)
		}
		head = strings.TrimSpace(head) + tail
	}
	head = strings.TrimSpace(head)
	if one, is := spellings[head]; is {
		head = one
	}
	return head, limits
}

// wider ranks types of which the later one takes every value of the earlier.
var wider = [][]string{{"smallint", "integer", "bigint"}, {"character varying", "text"}, {"character", "character varying", "text"}}

// takes tells whether a column takes what code writes that has it for another
// type. The code reads more than it writes in any case. Types of which nothing
// is known fit.
func takes(has string, wanted *string) bool {
	if wanted == nil {
		return true
	}
	hasName, hasLimits := plainType(has)
	wantedName, wantedLimits := plainType(*wanted)
	if hasName != wantedName {
		return slices.ContainsFunc(wider, func(ranks []string) bool {
			from, to := slices.Index(ranks, wantedName), slices.Index(ranks, hasName)
			return from >= 0 && to > from && (len(hasLimits) == 0 || len(wantedLimits) > 0 && wantedLimits[0] <= hasLimits[0])
		})
	}
	switch {
	case len(hasLimits) == 0:
		return true
	case len(wantedLimits) == 0 || wantedLimits[0] > hasLimits[0]:
		return false
	case len(hasLimits) > 1 && len(wantedLimits) > 1: // digits before and behind the point
		return wantedLimits[1] <= hasLimits[1] && wantedLimits[0]-wantedLimits[1] <= hasLimits[0]-hasLimits[1]
	}
	return true
}
