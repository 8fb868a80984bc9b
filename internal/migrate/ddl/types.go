package ddl

import (
	"slices"
	"strconv"
	"strings"
)

// typeKind is what is known of a type that was made in the file.
type typeKind uint8

const (
	unknownType typeKind = iota
	plainType            // an enum, a composite or a range
	bareDomain
	constrainedDomain
)

// typeName is the type of a column, as far as it is understood.
type typeName struct {
	base  string // in one spelling: integer is int4
	args  []int
	array bool
}

// spellings maps the names of built-in types to one of them.
var spellings = map[string]string{
	"int": "int4", "integer": "int4", "smallint": "int2", "bigint": "int8", "decimal": "numeric", "real": "float4", "float": "float8",
	"boolean": "bool", "char": "bpchar", "character": "bpchar", "serial4": "serial", "serial8": "bigserial", "serial2": "smallserial",
	"character varying": "varchar", "char varying": "varchar", "national character varying": "varchar", "nchar varying": "varchar", "national char varying": "varchar",
	"nchar": "bpchar", "national character": "bpchar", "national char": "bpchar", "double precision": "float8", "bit varying": "varbit",
	"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
	"time without time zone": "time", "time with time zone": "timetz",
}

// builtIn are the types that are no domains. Those of widespread extensions are
// among them.
var builtIn = setOf(`int2 int4 int8 numeric float4 float8 bool bpchar varchar text bytea date time timetz timestamp timestamptz interval uuid json jsonb
	xml bit varbit money inet cidr macaddr macaddr8 point line lseg box path polygon circle tsvector tsquery oid name "char" regclass regtype regproc xid xid8 pg_lsn
	int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
	citext hstore ltree geometry geography vector halfvec jsonpath`)

var serials = setOf("serial bigserial smallserial")

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

// typeName passes the name of a type.
func (c *cursor) typeName() (typeName, bool) {
	var t typeName
	name, ok := c.name()
	if !ok {
		return t, false
	}
	name = strings.TrimPrefix(name, "pg_catalog.")
	switch name {
	case "national":
		if second := c.any("character", "char"); second != "" {
			name += " " + second
		}
	case "double":
		if c.accept("precision") {
			name = "double precision"
		}
	case "interval":
		for c.any("year", "month", "day", "hour", "minute", "second", "to") != "" {
		}
	}
	if c.is("varying") {
		c.next()
		name += " varying"
	}
	if inner, found := c.parens(); found {
		for _, part := range split(inner) {
			number, err := strconv.Atoi(partText(part))
			if err != nil {
				number = -1
			}
			t.args = append(t.args, number)
		}
	}
	if name == "time" || name == "timestamp" {
		switch {
		case c.accept("with", "time", "zone"):
			name += " with time zone"
		case c.accept("without", "time", "zone"):
		}
	}
	if one, known := spellings[name]; known {
		if name == "float" && len(t.args) == 1 && t.args[0] >= 1 && t.args[0] <= 24 {
			one = "float4"
		}
		name = one
	}
	t.base = name
	return t, c.arraySuffix(&t)
}

// partText is the one token of a list of one.
func partText(tokens []token) string {
	if len(tokens) == 1 {
		return tokens[0].text
	}
	return ""
}

// arraySuffix passes [] and ARRAY.
func (c *cursor) arraySuffix(t *typeName) bool {
	if c.accept("array") {
		t.array = true
	}
	for c.symbol("[") {
		t.array = true
		if c.peek(0).kind == kindNumber {
			c.next()
		}
		if !c.symbol("]") {
			return false
		}
	}
	return true
}

// kind tells what a type is, as far as can be known.
func (j *judge) kind(t typeName) typeKind {
	if builtIn[t.base] || serials[t.base] {
		return plainType
	}
	return j.known.types[t.base]
}

// typeChange tells whether a change of type rewrites the table. What is not in
// the table of measured changes is unknown; see the manual, ALTER TABLE, Notes.
func typeChange(from, to typeName) Answer {
	if from.array != to.array || from.base == "" || from.base == "numeric" && len(from.args) == 1 {
		return Unknown
	}
	switch from.base + " " + to.base {
	case "varchar varchar", "varbit varbit":
		return grows(from.args, to.args)
	case "text varchar", "bpchar varchar", "bpchar text":
		if from.base == "text" && len(to.args) == 0 {
			return No
		}
		return Yes
	case "varchar text", "text text", "cidr inet":
		return No
	case "numeric numeric":
		return numericChange(from.args, to.args)
	case "time time", "timetz timetz", "timestamp timestamp", "timestamptz timestamptz", "interval interval":
		return grows(from.args, to.args)
	case "timestamp timestamptz", "timestamptz timestamp":
		return Unknown // none if the session's time zone is UTC
	case "citext text", "text citext":
		return Unknown // indexes are built anew
	}
	if from.base == to.base && slices.Equal(from.args, to.args) {
		return No
	}
	if builtIn[from.base] && builtIn[to.base] && from.base != to.base {
		return Yes
	}
	return Unknown
}

// grows tells whether a limit becomes smaller. No limit is the largest.
func grows(from, to []int) Answer {
	switch {
	case len(to) == 0:
		return No
	case len(from) == 0 || to[0] < from[0]:
		return Yes
	}
	return No
}

func numericChange(from, to []int) Answer {
	switch {
	case len(to) == 0:
		return No
	case len(from) != 2 || len(to) != 2 || from[1] != to[1] || to[0] < from[0]:
		return Yes
	}
	return No
}

// narrows tells whether a change to this type can lose what is there: digits,
// the time of a day, or the value behind USING.
func narrows(to typeName) bool {
	switch to.base {
	case "text", "varchar", "json", "jsonb", "bytea", "bpchar", "citext":
		return false
	case "numeric", "time", "timestamp", "timestamptz", "interval", "timetz":
		return len(to.args) > 0
	case "int8":
		return false
	}
	return true
}
