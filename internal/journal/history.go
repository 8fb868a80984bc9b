package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Runs lists the finished runs whose journals are kept, oldest first.
func (s *Store) Runs() ([]string, error) {
	names, err := s.disk.list(runsName)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var runs []string
	for _, name := range names {
		if run, isLog := strings.CutSuffix(name, ".log"); isLog {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return runs, nil
}

// RunRecords returns the journal of a kept run, or of the newest one.
func (s *Store) RunRecords(run string) ([]Record, error) {
	newest, err := s.Records()
	if err == nil && len(newest) > 0 && newest[0].Run == run {
		return newest, nil
	}
	if !runName.MatchString(run) {
		return nil, fmt.Errorf("%q cannot name a run", run)
	}
	name := runsName + "/" + run + ".log"
	if _, err := s.disk.sizeOf(name); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no journal of run %s; gapless history lists the runs", run)
	}
	content, err := readLogFile(s.disk, name, s.path+"/"+name)
	return content.records, err
}
