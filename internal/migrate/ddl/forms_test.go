package ddl

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// form is a line of testdata/forms.txt.
type form struct {
	line, from, to               int
	class, locks, effects, query string
}

func forms(t testing.TB) []form {
	t.Helper()
	content, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []form
	for i, line := range strings.Split(string(content), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, " | ", 5)
		if len(parts) != 5 {
			t.Fatalf("forms.txt:%d: %d parts", i+1, len(parts))
		}
		f := form{line: i + 1, class: parts[1], locks: parts[2], effects: parts[3], query: parts[4]}
		if _, err := fmt.Sscanf(parts[0], "%d-%d", &f.from, &f.to); err != nil {
			t.Fatalf("forms.txt:%d: %v", i+1, err)
		}
		all = append(all, f)
	}
	return all
}

var shortLocks = map[Lock]string{AccessShare: "AS", RowShare: "RS", RowExclusive: "RE", ShareUpdateExclusive: "SUE", Share: "S", ShareRowExclusive: "SRE", Exclusive: "E", AccessExclusive: "AE"}

func locksOf(f Finding) string {
	var parts []string
	for _, lock := range f.Locks {
		parts = append(parts, lock.Table+":"+shortLocks[lock.Lock])
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ",")
	case f.Lock == UnknownLock:
		return "?"
	}
	return "-"
}

func effectsOf(f Finding) string {
	var parts []string
	for _, one := range []struct {
		letter string
		answer Answer
	}{{"r", f.Rewrite}, {"s", f.Scan}, {"i", [...]Answer{Yes, No, Unknown}[f.Reversible]}} {
		if one.answer != No {
			parts = append(parts, one.letter+[...]string{"", "", "?"}[one.answer])
		}
	}
	switch f.Transaction {
	case Forbidden:
		parts = append(parts, "x")
	case Either:
		parts = append(parts, "x?")
	}
	if f.Fails {
		parts = append(parts, "F")
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ",")
}

// TestForms judges every form by itself, for every version that it is about.
// What the locks, rewrites and scans are was measured on servers.
func TestForms(t *testing.T) {
	for _, f := range forms(t) {
		for version := f.from; version <= f.to; version++ {
			target, err := ParsePostgres(strconv.Itoa(version))
			if err != nil {
				t.Fatal(err)
			}
			checkForm(t, f, target, "Postgres "+strconv.Itoa(version))
		}
		if f.from == OldestPostgres && f.to == NewestPostgres {
			checkForm(t, f, Target{}, "any version")
		}
	}
}

func checkForm(t *testing.T, f form, target Target, version string) {
	t.Helper()
	report := Judge(target, Input{Name: "x.sql", Text: f.query + ";\n"})
	if len(report.Statements) != 1 {
		t.Fatalf("forms.txt:%d: %d statements", f.line, len(report.Statements))
	}
	got := report.Statements[0]
	if got.Class.String() != f.class || locksOf(got.Finding) != f.locks || effectsOf(got.Finding) != f.effects {
		t.Errorf("forms.txt:%d: %s\n  on %s: %s | %s | %s (%s)\n  want: %s | %s | %s", f.line, f.query, version,
			got.Class, locksOf(got.Finding), effectsOf(got.Finding), got.Why, f.class, f.locks, f.effects)
	}
	if got.Why == "" || got.Class != Safe && got.Safer == "" && !got.Fails && !plain(f) {
		t.Errorf("forms.txt:%d: %s: why %q, instead %q", f.line, f.query, got.Why, got.Safer)
	}
}

// plain tells the forms for which there is nothing better to write.
func plain(f form) bool {
	return strings.Contains(f.query, "SET LOGGED") || strings.Contains(f.query, "SET UNLOGGED") || strings.Contains(f.query, "PARTITIONS")
}
