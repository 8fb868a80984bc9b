package update

import (
	"errors"
	"strings"
	"testing"
)

// TestRewritesNeedRoom: a table that is written anew is there twice for a while,
// and a guess refuses nobody.
func TestRewritesNeedRoom(t *testing.T) {
	const gib = int64(1 << 30)
	for name, c := range map[string]struct {
		whole, free int64
		refused     bool
		says        string
	}{
		"full":           {5 * gib, 5 * gib, true, "tours_tour anew and needs 5.0 GiB until it is done"},
		"tight":          {5 * gib, 8 * gib, false, "the disk gets tight: tours/0002_size writes tours_tour anew"},
		"room":           {5 * gib, 80 * gib, false, "note: api: tours/0002_size writes tours_tour anew"},
		"nobody looked":  {5 * gib, 0, false, "how much is free there is not known"},
		"size not known": {0, 1, false, ""},
	} {
		s := judgedScenario("", Options{Migrations: MigrationsCompatible}, nil, Judged{Name: "tours/0002_size", Class: "c",
			Rewrites: []Table{{Name: "tours_tour", Rows: 300_000, Bytes: 4 * gib, Known: true, Whole: c.whole}}})
		s.judged.Free = c.free
		_, plan, err := s.build()
		var refused *RefusedError
		said := plan.Text()
		if errors.As(err, &refused) {
			said = refused.Reason
		}
		if (refused != nil) != c.refused || !strings.Contains(said, c.says) || c.says == "" && strings.Contains(said, "anew") {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}
