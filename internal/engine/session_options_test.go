package engine

import (
	"slices"
	"testing"
	"time"

	"gapless/internal/update"
)

// What the user asks of the server stays, above all a lock_timeout.
func TestWithSession(t *testing.T) {
	session := &update.SessionOptions{Application: "gapless-run1-api", LockTimeout: 400 * time.Millisecond}
	for name, c := range map[string]struct{ environment, image, want []string }{
		"nothing":               {[]string{"A=1"}, nil, []string{"A=1", "PGAPPNAME=gapless-run1-api", "PGOPTIONS=-c lock_timeout=400ms"}},
		"options of the user":   {[]string{"PGOPTIONS=-c search_path=a"}, []string{"PGOPTIONS=-c b=c"}, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=-c search_path=a -c lock_timeout=400ms"}},
		"options of the image":  {[]string{"PGAPPNAME=me"}, []string{"PGOPTIONS=-c b=c"}, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=-c b=c -c lock_timeout=400ms"}},
		"a timeout of the user": {[]string{"PGOPTIONS=-c lock_timeout=3s"}, nil, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=-c lock_timeout=3s"}},
		"a timeout close by":    {[]string{"PGOPTIONS=-clock_timeout=3s"}, nil, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=-clock_timeout=3s"}},
		"written out":           {[]string{"PGOPTIONS=--lock_timeout=3s"}, nil, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=--lock_timeout=3s"}},
		"with a dash":           {[]string{"PGOPTIONS=--lock-timeout=3s"}, nil, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=--lock-timeout=3s"}},
		"another timeout":       {[]string{"PGOPTIONS=-c deadlock_timeout=2s"}, nil, []string{"PGAPPNAME=gapless-run1-api", "PGOPTIONS=-c deadlock_timeout=2s -c lock_timeout=400ms"}},
	} {
		got := withSession(slices.Clone(c.environment), c.image, session)
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if kept := withSession(c.environment, c.image, nil); !slices.Equal(kept, c.environment) {
			t.Errorf("%s: %q without a session", name, kept)
		}
	}
}
