package migrate

import (
	"strings"
	"testing"
)

// TestRelied finds what new code may build upon and the schema before did not promise.
func TestRelied(t *testing.T) {
	models := []model{modelOf("tour", "id bigserial", "name varchar(200)")}
	before := schemaOf(t, "tour id bigint!=", "tour name text", "other name text")
	for _, c := range []struct{ line, want string }{
		{"tour u name", "a unique rule on tour (name)"},
		{"tour name text!", "tour.name has no NULL any more"},
		{"tour name text=", "tour.name gets a value by itself"},
		{"other u name", ""}, // the code does not know that table
		{"other name text!", ""},
		{"tour size integer", ""}, // nor that column
	} {
		after := schemaOf(t, "tour id bigint!=", "tour name text", "other name text", c.line)
		if got := strings.Join(relied(models, before, after), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}
