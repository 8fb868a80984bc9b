package update

import (
	"context"
	"fmt"
	"strings"
)

// fakeRestored is a server on which a backup gets the names of the databases of
// today.
type fakeRestored struct {
	watched   bool // whoever runs must find the data of his own version
	filling   bool // half of it is there
	filled    bool
	exchanged bool
	written   int // by containers, to the restored ones
	aside     int // restored ones that were kept because of that
}

func (r fakeRestored) summary() (lines []string) {
	if r.exchanged {
		lines = append(lines, "the data of before is there")
	}
	if r.filling {
		lines = append(lines, "a half-filled database")
	}
	if r.filled && !r.exchanged {
		lines = append(lines, "a filled database that nobody uses")
	}
	return lines
}

// checkData notes a container that works with the data of another version.
// Whatever runs writes.
func (w *world) checkData(label string) {
	if !w.restored.watched {
		return
	}
	for _, c := range w.containers {
		if !c.Running || c.Service == "db" || strings.Contains(c.Service, "job") {
			continue
		}
		if after := c.Run != ""; after != w.restored.exchanged {
			w.violations = append(w.violations, fmt.Sprintf("%s runs after %s while the data of before is there: %t", c.Name, label, w.restored.exchanged))
		}
		if w.restored.exchanged && strings.HasPrefix(label, "gate ") {
			w.restored.written++
		}
	}
}

type fakeRestores struct{ w *world }

func (f fakeRestores) Fill(_ context.Context, _ string, _ []Exchanged, say func(string)) error {
	err := f.w.call("fill begins", func() error { f.w.restored.filling, f.w.restored.filled = true, false; return nil })
	say("half")
	if err == nil {
		err = f.w.call("fill ends", func() error { f.w.restored.filling, f.w.restored.filled = false, true; return nil })
	}
	return err
}

func (f fakeRestores) Written(context.Context, []Exchanged) (words []string, err error) {
	err = f.w.call("written", func() error { words = []string{fmt.Sprint(f.w.restored.written)}; return nil })
	return words, err
}

func (f fakeRestores) Exchange(context.Context, string, []Exchanged) error {
	return f.w.call("exchange db", func() error {
		if !f.w.restored.filled {
			f.w.violations = append(f.w.violations, "what was not filled was exchanged")
		}
		f.w.restored.exchanged = true
		return nil
	})
}

func (f fakeRestores) ExchangeBack(context.Context, []Exchanged) error {
	return f.w.call("exchange-back db", func() error {
		f.w.settle("db") // no exchange of a dead client is still to come
		f.w.restored.exchanged = false
		return nil
	})
}

func (f fakeRestores) Drop(_ context.Context, databases []Exchanged, before []string) (kept []string, err error) {
	err = f.w.call("drop", func() error {
		r := &f.w.restored
		if r.exchanged {
			f.w.violations = append(f.w.violations, "the database in use was dropped")
		}
		if r.filled && before != nil && before[0] != fmt.Sprint(r.written) {
			kept = []string{databases[0].Name + "_before_r8_2"}
			r.aside++
		} else if r.written > 0 && r.filled {
			f.w.violations = append(f.w.violations, "something that was written was dropped")
		}
		r.filling, r.filled = false, false
		return nil
	})
	return kept, err
}

// restoring is the first scenario in which data goes back.
func restoring() scenario {
	for _, s := range scenarios {
		if s.options.Restore != nil {
			return s
		}
	}
	panic("there is none")
}
