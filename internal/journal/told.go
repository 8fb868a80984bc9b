package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"gapless/internal/update"
)

// What is to be known about runs beside their journals.
const (
	toldName       = "told.json"
	tallyName      = "tally.json"
	maxRecordBytes = 1 << 20
)

// SaveTold keeps what people were told of the newest run. It is on disk when
// SaveTold returns.
func (l *Lock) SaveTold(told update.Told) error { return l.saveRecord(toldName, told) }

// Told returns what people were told last; its zero value if nobody was to be told.
func (s *Store) Told() (told update.Told, err error) {
	err = s.record(toldName, &told)
	return told, err
}

// SaveTally keeps the totals over runs.
func (l *Lock) SaveTally(tally update.Tally) error { return l.saveRecord(tallyName, tally) }

// Tally returns the totals; its zero value if nothing was counted yet.
func (s *Store) Tally() (tally update.Tally, err error) {
	err = s.record(tallyName, &tally)
	return tally, err
}

func (l *Lock) saveRecord(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	if err := writeNew(l.store.disk, ".", name, append(content, '\n')); err != nil {
		return fmt.Errorf("keep %s: %w", name, full(err))
	}
	return nil
}

func (s *Store) record(name string, value any) error {
	content, err := s.disk.read(name, maxRecordBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("%s/%s: %w; remove it: it is made again", s.path, name, err)
	}
	return nil
}
