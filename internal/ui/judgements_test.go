package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"gapless/internal/migrate"
	"gapless/internal/update"
)

var reports = []migrate.Report{
	{Service: "api", Source: update.JudgedByTrace, Compared: true, Migrations: []migrate.Migration{
		{Judged: update.Judged{Name: "tours/0002_price", Class: "a", BreaksNew: []string{"tours_tour.price is not there, which tours.Tour reads"},
			Locks: []update.TableLock{{Table: "tours_tour", Lock: "ACCESS EXCLUSIVE"}}}},
		{Judged: update.Judged{Name: "tours/0003_size", Class: "bcd", BreaksOld: []string{"tours_tour.size is not there, which tours.Tour reads"}, Irreversible: []string{"DROP COLUMN: gone"},
			Scans: []update.Table{{Name: "tours_tour", Rows: 2000, Bytes: 8192, Known: true}}},
			Statements:    []migrate.Statement{{File: "tours/0003_size", Line: 1, SQL: "ALTER TABLE t DROP COLUMN size", Class: "bd", Safer: "drop it later"}},
			Disagreements: []string{"ALTER TABLE t: SHARE on t was not expected"}},
	}},
	{Service: "shop", Source: update.JudgedBySQL, Untraced: "--no-trace", Migrations: []migrate.Migration{
		{Judged: update.Judged{Name: "0042\x1b[31m", Class: "unknown", Unknown: []string{"not understood"}}},
	}},
	{Service: "other", Source: update.JudgedByTrace, Migrations: []migrate.Migration{{Judged: update.Judged{Name: "7", Class: "a"}}}},
}

func TestJudgements(t *testing.T) {
	var out bytes.Buffer
	if err := Judgements(&out, reports, "never"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"api (they ran in a shadow of the database)", "a        tours/0002_price", "does     ACCESS EXCLUSIVE on tours_tour", "new      the new version needs it: tours_tour.price is not there",
		"bcd      tours/0003_size", "why      tours_tour.size is not there, which tours.Tour reads", "reads all of tours_tour (2000 rows, less than 1 MiB)", "why      DROP COLUMN: gone",
		"new      the new version can do without it for now", "instead  ALTER TABLE t DROP COLUMN size: drop it later", "trace    ALTER TABLE t: SHARE on t was not expected",
		"shop (by their statements alone: --no-trace)", "unknown  0042",
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not said:\n%s", text, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a name reaches the terminal as it is")
	}
	out.Reset()
	if err := Judgements(&out, nil, "never"); err != nil || out.String() != "no migrations are due\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestJudgementsJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JudgementsJSON(&out, reports); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Migrations []map[string]any `json:"migrations"`
		Statements []map[string]any `json:"statements"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Migrations) != 4 || len(answer.Statements) != 1 {
		t.Fatalf("%s", out.String())
	}
	for i, want := range []map[string]any{
		{"class": "a", "lock": "ACCESS EXCLUSIVE", "rewrite": false, "scan": false, "reversible": true, "breaks_old": false, "breaks_new": true},
		{"class": "bcd", "lock": "none", "rewrite": false, "scan": true, "reversible": false, "breaks_old": true, "breaks_new": false},
		{"class": "unknown", "lock": nil, "rewrite": nil, "scan": nil, "reversible": nil, "breaks_old": nil, "breaks_new": nil, "why": "not understood"},
		{"class": "a", "lock": "none", "breaks_old": false, "breaks_new": nil},
	} {
		for key, value := range want {
			if got := answer.Migrations[i][key]; got != value {
				t.Errorf("%s of migration %d: %v", key, i+1, got)
			}
		}
	}
	if s := answer.Statements[0]; s["file"] != "tours/0003_size" || s["class"] != "bd" || s["safer"] != "drop it later" {
		t.Errorf("%v", s)
	}
}
