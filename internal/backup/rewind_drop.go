package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gapless/internal/update"
)

// Drop implements update.Restores.
func (w *Rewind) Drop(ctx context.Context, databases []update.Exchanged, before []string) (kept []string, err error) {
	if err := w.Engine.Fence(ctx, w.Run, w.names()); err != nil {
		return nil, err // somebody who died may still fill
	}
	there, err := w.there(ctx)
	if err != nil {
		return nil, err
	}
	err = w.inSession(ctx, func(s *session) error {
		for i, d := range databases {
			if !slices.Contains(there, d.Fresh) || !strings.HasPrefix(d.Fresh, restorePrefix) {
				continue
			}
			sql := dropSQL(d.Fresh)
			if i < len(before) {
				now, err := writtenTo(s, databases[i:i+1])
				if err != nil {
					return err
				}
				if now[0] != before[i] {
					aside := freeName(d, there)
					kept, sql = append(kept, aside), asideSQL(d.Fresh, aside)
				}
			}
			if _, err := s.ask(sql); err != nil {
				return err
			}
		}
		return nil
	})
	return kept, err
}

// freeName is a name for a restored database that somebody wrote to.
func freeName(d update.Exchanged, there []string) string {
	suffix := "undone_" + strings.TrimPrefix(d.Fresh, restorePrefix)
	name := keptName(d.Name, suffix)
	for number := 2; slices.Contains(there, name); number++ {
		name = keptName(d.Name, fmt.Sprintf("%s_%d", suffix, number))
	}
	return name
}

func asideSQL(name, aside string) string {
	return "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = " + quoteText(name) +
		";\nALTER DATABASE " + quoteName(name) + " RENAME TO " + quoteName(aside) +
		";\nCOMMENT ON DATABASE " + quoteName(aside) + " IS " + quoteText(keptMark+"restored, written to, and taken back")
}
