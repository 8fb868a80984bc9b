//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// contract runs what waits.
func (s *server) contract() result {
	s.t.Helper()
	if _, status, _ := s.said("status"); !strings.Contains(status, "waiting: ") {
		s.t.Errorf("nothing waits:\n%s", status)
	}
	before := s.containersOf(nil)
	r := s.gapless("migrations", "contract", "--yes", "--progress", "plain")
	if r.code != 0 {
		s.t.Errorf("contract: exit code %d\n%s", r.code, r.output)
	}
	if after := s.containersOf(nil); after != before {
		s.t.Errorf("containers were replaced:\n%s\n%s", before, after)
	}
	if _, status, _ := s.said("status"); strings.Contains(status, "waiting: ") {
		s.t.Errorf("something still waits:\n%s", status)
	}
	return r
}

// has tells whether tours have a column.
func (s *server) has(column string) bool {
	s.t.Helper()
	rows, err := s.Query(s.t.Context(), "SELECT count(*) FROM information_schema.columns WHERE table_name = 'tours_tour' AND column_name = '"+column+"'")
	if err != nil {
		s.t.Fatal(err)
	}
	return rows[0][0] == "1"
}

// TestStackContract brings in a version that does without a column: the column stays
// until nobody wants to go back, and no request waits at any time.
func TestStackContract(t *testing.T) {
	s := judgeServer(t)
	traffic := s.traffic()
	s.apply("judge-contract")
	r := s.update(0)
	r.says(t, ", rolling", "migrate api", "tours/0004_no_size", "  waits ", "gapless migrations contract", " 0 failed, 0 held")
	if !s.has("size") || !s.has("price") {
		t.Error("the column went while the version before could still come back, or what comes first did not")
	}
	if early := s.gapless("migrations", "contract", "--older-than", "1h", "--yes"); early.code != 0 || !strings.Contains(early.output, "no migration waits for 60 min yet") || !s.has("size") {
		t.Errorf("exit code %d\n%s", early.code, early.output)
	}
	if back := s.gapless("rollback", "--yes", "--progress", "plain"); back.code != 0 {
		t.Errorf("the version before does not come back: exit code %d\n%s", back.code, back.output)
	}
	if none := s.gapless("migrations", "contract", "--yes"); none.code != 0 || !strings.Contains(none.output, "no migration waits") || !s.has("size") {
		t.Errorf("the version before needs it: exit code %d\n%s", none.code, none.output)
	}
	s.update(0).says(t, ", rolling", "  waits ")
	done := s.contract()
	s.clean(traffic.Stop())
	done.says(t, ", contract", "cannot be undone", " 0 failed, 0 held")
	if s.has("size") {
		t.Error("the column is still there")
	}
	way := s.gapless("rollback", "--dry-run")
	way.says(t, "which releases before ", "do not survive")
	if t.Failed() {
		t.Log(r.output, done.output, way.output)
	}
}
