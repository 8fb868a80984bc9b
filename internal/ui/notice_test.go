package ui

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

func TestNotice(t *testing.T) {
	failed, requests, held, hold, gap := int64(3), int64(12431), int64(7), 840.0, 0.0
	title, text := Notice(Ended{
		Receipt: update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Reason: "api: image changed", Result: update.ResultRolledBack, DurationMillis: 8400,
			Requests: &requests, Failed: &failed, Held: &held, LongestHoldMillis: &hold, GapMillis: &gap},
		Why: "shop-api-2 exited\nDB_PASSWORD=hunter22 \x1b[31m", Later: []string{"stuck"}, Next: []string{"gapless history", "gapless update"},
	}, NewRedactor("hunter22"))
	if want := "shop 42 -> 43 FAILED after 8.4 s, rolling: rolled back to 42"; title != want {
		t.Errorf("%q, want %q", title, want)
	}
	want := `what      api: image changed
why       shop-api-2 exited
          DB_PASSWORD=*** \x1b[31m
then      stuck
traffic   12,431 requests: 3 failed, 7 held (longest 840 ms)
gap       0 ms
next      gapless history
          gapless update`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(text, "\n")); diff != "" {
		t.Error(diff)
	}
	_, text = Notice(Ended{Receipt: update.Receipt{Result: update.ResultHeld}}, nil)
	if !strings.Contains(text, "traffic   not measured\ngap       not measured") {
		t.Errorf("what was not measured is not said:\n%s", text)
	}
}

// Receipts that were kept are shown without secrets, and stay JSON.
func TestRedactedJSON(t *testing.T) {
	value := map[string]any{"why": `DB_PASSWORD="hun\ter" and to"ken`, "password": "short", "n": 1.5, "list": []string{"a", "https://me:pw@x/", "\u2028"}}
	content, err := RedactedJSON(value, NewRedactor(`hun\ter`, `to"ken`))
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(content, &back); err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	want := map[string]any{"why": "DB_PASSWORD=*** and ***", "password": "short", "n": 1.5, "list": []any{"a", "https://***@x/", "\u2028"}}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Error(diff)
	}
}

// Who could not be told is one line of the receipt, in each form.
func TestReceiptNamesWhoWasNotTold(t *testing.T) {
	receipt := update.Receipt{Project: "shop", Result: update.ResultCommitted, NotTold: []string{"slack (notify 1): hunter22 says no"}}
	text := words{NewRedactor("hunter22")}.receipt(receipt)
	if strings.Count(text, "warning   nobody was told through slack (notify 1): *** says no\n") != 1 {
		t.Error(text)
	}
}
