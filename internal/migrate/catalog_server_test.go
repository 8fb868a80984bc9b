//go:build postgres

package migrate

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What the shadow says of rules tells apart what asks for different things of the
// same columns. It needs what TestServerGuard needs.
func TestServerRules(t *testing.T) {
	script := `CREATE TABLE person (id bigint PRIMARY KEY, email varchar(80), age int CONSTRAINT adult CHECK (age > 17), EXCLUDE ((age + 1) WITH =));
		SELECT gapless_trace.catalog();
		CREATE UNIQUE INDEX ON person (lower(email));
		CREATE UNIQUE INDEX ON person (email) WHERE age > 20;
		ALTER TABLE person DROP CONSTRAINT adult, ADD CHECK (age > 18), ADD CHECK (email <> '') NOT VALID;
		SELECT gapless_trace.catalog();
		ALTER TABLE person VALIDATE CONSTRAINT person_email_check, ALTER email TYPE text;
		SELECT gapless_trace.catalog();`
	command := exec.Command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres")
	command.Env = append(os.Environ(), "PGOPTIONS=-c client_min_messages=error")
	command.Stdin = strings.NewReader("BEGIN;\n" + traceSQL + script + "ROLLBACK;\n")
	said, err := command.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if err != nil || len(lines) != 3 {
		t.Fatalf("%v\n%s", err, said)
	}
	var shots []catalog
	for _, line := range lines {
		var one catalog
		if err := one.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatal(err)
		}
		shots = append(shots, one)
	}
	models := []model{modelOf("person", "id bigserial", "email varchar(80)", "age integer")}
	got := strings.Join(stricter(models, shots[0], shots[1]), "\n")
	want := `app.Model may write what a check on person (age): CHECK ((age > 18)) refuses
app.Model may write what a check on person (email) refuses
app.Model may write what a unique rule on person (email) refuses
app.Model may write what a unique rule on person (lower(email)) refuses`
	if got != want {
		t.Errorf("%s", got)
	}
	if got := stricter(models, shots[1], shots[2]); len(got) > 0 {
		t.Errorf("another type, and nothing more: %q", got)
	}
}
