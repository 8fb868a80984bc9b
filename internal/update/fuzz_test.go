package update

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestPlanWithoutSense: what the planner never makes is refused when it is read.
func TestPlanWithoutSense(t *testing.T) {
	nested := `{"kind":"remove","step":{}}`
	for range 60 { // each level doubled the work of showing it
		nested = `{"kind":"parallel","step":{"steps":[` + nested + `]}}`
	}
	for _, step := range []string{nested, `{"kind":"parallel","step":{"steps":[]}}`, `{"kind":"parallel","step":null}`, `{"kind":"dance","step":{}}`, `{"kind":"stop"}`, `null`} {
		var plan Plan
		if err := json.Unmarshal([]byte(`{"format":1,"phases":[{"name":"shift","steps":[`+step+`]}]}`), &plan); err == nil {
			t.Errorf("%.60s was read as a plan", step)
		}
	}
}

// FuzzPlan: whatever a plan file or a journal holds, reading it ends in a plan
// that can be shown and written again, or in an error.
func FuzzPlan(f *testing.F) {
	for _, s := range scenarios {
		_, plan, err := s.build()
		if err != nil {
			f.Fatal(err)
		}
		text, err := json.Marshal(plan)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	every, err := json.Marshal(everyStep())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(every)
	for _, text := range []string{
		`{}`, `null`, `{"phases":null}`, `{"phases":[{"name":"shift","steps":[null]}]}`,
		`{"phases":[{"steps":[{"kind":"stop"}]}]}`, `{"phases":[{"steps":[{"kind":"stop","step":null}]}]}`,
		`{"phases":[{"steps":[{"kind":"dance","step":{}}]}]}`,
		`{"phases":[{"steps":[{"kind":"hold","step":{"service":"api","page":{"html":"<p>","retryAfterNs":-1}}}]}]}`,
		`{"phases":[{"steps":[{"kind":"switch","step":{"service":"api","also":[{"service":"shop","after":{"path":"/"}}]}}]}]}`,
		`{"phases":[{"steps":[{"kind":"parallel","step":{"steps":[{"kind":"parallel","step":{"steps":[]}}]}}]}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var plan Plan
		if json.Unmarshal(text, &plan) != nil {
			return
		}
		_, _, _ = plan.Text(), plan.HasGap(), plan.commitIndex()
		once, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(once, &back); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, once)
		}
		if twice, err := json.Marshal(back); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}
