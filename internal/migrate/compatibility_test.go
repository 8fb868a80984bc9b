package migrate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// schemaOf makes a catalog of lines: table column type, "!" for NOT NULL, "=" for
// a default, or the kind and the columns of a rule, and what it says.
func schemaOf(t *testing.T, lines ...string) catalog {
	t.Helper()
	var in struct {
		Columns [][]any `json:"columns"`
		Rules   [][]any `json:"rules"`
	}
	for _, line := range lines {
		fields := strings.Split(line, " ")
		if len(fields[1]) == 1 {
			// What is asked of the columns, and the expressions of an index, follow a bar.
			plain, rest, _ := strings.Cut(line, " | ")
			definition, expressions, _ := strings.Cut(rest, " | ")
			in.Rules = append(in.Rules, []any{fields[0], fields[1], strings.Fields(plain)[2:], definition, expressions})
			continue
		}
		kind := strings.ReplaceAll(strings.TrimRight(fields[2], "!="), "_", " ")
		in.Columns = append(in.Columns, []any{fields[0], fields[1], kind, strings.Contains(fields[2], "!"), strings.Contains(fields[2], "=")})
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var c catalog
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// modelOf makes a model of columns: name type, "?" for null.
func modelOf(table string, columns ...string) model {
	m := model{Label: "app.Model", Table: table}
	for _, column := range columns {
		name, kind, _ := strings.Cut(column, " ")
		kind, null := strings.CutSuffix(kind, "?")
		f := field{Name: name, Null: null}
		if kind != "" {
			f.Type = &kind
		}
		m.Columns = append(m.Columns, f)
	}
	return m
}

func TestMisfits(t *testing.T) {
	models := []model{modelOf("tour", "id bigserial", "name varchar(200)", "note text?")}
	base := []string{"tour id bigint!=", "tour name character_varying(200)!", "tour note text"}
	for _, c := range []struct {
		name   string
		schema []string
		want   string // empty: it fits
	}{
		{"as it is", base, ""},
		{"a column more", append(base, "tour price integer"), ""},
		{"a column more with a default", append(base, "tour price integer!="), ""},
		{"a column more that needs a value", append(base, "tour price integer!"), "tour.price needs a value, which app.Model does not write"},
		{"a column less", base[:2], "tour.note is not there, which app.Model reads"},
		{"no table", []string{"other id bigint!="}, "tour is not there, which app.Model reads"},
		{"no NULL any more", []string{base[0], base[1], "tour note text!"}, "tour.note does not take NULL, which app.Model may write"},
		{"wider", []string{base[0], "tour name character_varying(300)!", base[2]}, ""},
		{"text", []string{base[0], "tour name text!", base[2]}, ""},
		{"narrower", []string{base[0], "tour name character_varying(20)!", base[2]}, "tour.name is character varying(20), and app.Model takes it for varchar(200)"},
		{"another type", []string{base[0], base[1], "tour note integer"}, "tour.note is integer, and app.Model takes it for text"},
	} {
		if got := strings.Join(misfits(models, schemaOf(t, c.schema...)), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTakes(t *testing.T) {
	for _, c := range []struct {
		has, wanted string
		want        bool
	}{
		{"bigint", "integer", true}, {"integer", "bigint", false}, {"integer", "serial", true}, {"numeric(10,2)", "numeric(10, 2)", true},
		{"numeric(12,2)", "numeric(10, 2)", true}, {"numeric(10,4)", "numeric(10, 2)", false}, {"character varying(10)[]", "varchar(10)[]", true},
		{"timestamp with time zone", "timestamp with time zone", true}, {"jsonb", "text", false}, {"geometry(Point,4326)", "geometry(POINT,4326)", true},
		{"character varying", "varchar(5)", true}, {"character varying(5)", "text", false},
	} {
		if got := takes(c.has, &c.wanted); got != c.want {
			t.Errorf("%s takes %s: %t", c.has, c.wanted, got)
		}
	}
	if !takes("anything", nil) {
		t.Error("a type of which nothing is known fits")
	}
}

func TestStricter(t *testing.T) {
	models := []model{modelOf("tour", "id bigserial", "name varchar(200)")}
	same := []string{"tour id bigint!=", "tour name text", "tour u id", "tour c name | CHECK (((name)::text <> ''::text))", "tour u name | WHERE (id > 3)"}
	before := schemaOf(t, same...)
	for _, c := range []struct {
		rule string
		want string
	}{
		{"tour x name", "app.Model may write what an exclusion rule on tour (name) refuses"},
		{"tour c id name", "app.Model may write what a check on tour (id, name) refuses"},
		{"tour u  | lower(name) | lower(name)", "app.Model may write what a unique rule on tour (lower(name)) refuses"},
		{"tour u other | lower(name) | lower(name)", "app.Model may write what a unique rule on tour (other, lower(name)) refuses"},
		{"tour c name | CHECK (name <> 'x')", "app.Model may write what a check on tour (name): CHECK (name <> 'x') refuses"},
		{"tour u name | WHERE (id > 2)", "app.Model may write what a unique rule on tour (name): WHERE (id > 2) refuses"},
		{"tour u name", "app.Model may write what a unique rule on tour (name) refuses"},
		{"tour c name | CHECK ((name <> ''::text))", ""}, // of a column that has become text
		{"tour f other", ""}, // of a column that the code does not know
		{"tour u id", ""},
		{"new u name", ""},
	} {
		after := schemaOf(t, append(slices.Clone(same), c.rule)...)
		if got := strings.Join(stricter(models, before, after), "; "); got != c.want {
			t.Errorf("%s: %q", c.rule, got)
		}
	}
}
