package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gapless/internal/update"
)

// Processes lists the main process of a container and all that it started, as
// the host sees them. It does not need ps in the image, nor on the host.
func (e *Engine) Processes(ctx context.Context, name string) ([]update.Process, error) {
	if err := e.RequireLocal(); err != nil {
		return nil, err
	}
	found, err := e.inspect(ctx, name)
	if err != nil {
		return nil, err
	}
	if found.State == nil || found.State.Pid <= 0 {
		return nil, nil
	}
	return descendants("/proc", found.State.Pid)
}

// descendants lists a process and those below it. One that ends meanwhile is
// left out.
func descendants(proc string, main int) ([]update.Process, error) {
	directories, err := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	if err != nil {
		return nil, err
	}
	children := map[int][]update.Process{}
	var below []update.Process
	for _, directory := range directories {
		process, err := readProcess(directory)
		if err != nil {
			continue
		}
		children[process.Parent] = append(children[process.Parent], process)
		if process.PID == main {
			below = append(below, process)
		}
	}
	for i := 0; i < len(below); i++ {
		below = append(below, children[below[i].PID]...)
	}
	return below, nil
}

// readProcess reads /proc/PID. The name in stat is in parentheses and may hold
// any character.
func readProcess(directory string) (update.Process, error) {
	stat, err := os.ReadFile(filepath.Join(directory, "stat"))
	if err != nil {
		return update.Process{}, err
	}
	title, err := os.ReadFile(filepath.Join(directory, "cmdline"))
	if err != nil {
		return update.Process{}, err
	}
	const parentField, startField = 1, 19 // after the name; see proc(5)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= startField {
		return update.Process{}, fmt.Errorf("%s/stat has %d fields", directory, len(fields))
	}
	pid, pidErr := strconv.Atoi(filepath.Base(directory))
	parent, parentErr := strconv.Atoi(fields[parentField])
	started, startErr := strconv.ParseUint(fields[startField], 10, 64)
	if pidErr != nil || parentErr != nil || startErr != nil {
		return update.Process{}, fmt.Errorf("%s/stat cannot be read", directory)
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(title), "\x00", " "))
	return update.Process{PID: pid, Parent: parent, Started: started, Title: text}, nil
}
