package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

// must fails the test at once.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDescendants(t *testing.T) {
	proc := t.TempDir()
	write := func(pid int, name string, parent, started int, title string) {
		directory := filepath.Join(proc, fmt.Sprint(pid))
		must(t, os.Mkdir(directory, 0o755))
		stat := fmt.Sprintf("%d (%s) S %d %s%d 0 0", pid, name, parent, strings.Repeat("0 ", 17), started)
		must(t, os.WriteFile(filepath.Join(directory, "stat"), []byte(stat), 0o644))
		must(t, os.WriteFile(filepath.Join(directory, "cmdline"), []byte(title), 0o644))
	}
	write(1, "init", 0, 1, "init")
	write(30, "nginx", 40, 7, "nginx: worker process\x00\x00\x00")
	write(40, "a) S 1 (b", 50, 6, "nginx: master process nginx")
	write(50, "sh", 1, 5, "sh\x00-c\x00nginx")
	write(60, "other", 1, 5, "other")
	must(t, os.Mkdir(filepath.Join(proc, "70"), 0o755)) // ended since
	got, err := descendants(proc, 50)
	must(t, err)
	want := []update.Process{
		{PID: 50, Parent: 1, Started: 5, Title: "sh -c nginx"},
		{PID: 40, Parent: 50, Started: 6, Title: "nginx: master process nginx"},
		{PID: 30, Parent: 40, Started: 7, Title: "nginx: worker process"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDescendantsOfThisProcess reads what the kernel really writes.
func TestDescendantsOfThisProcess(t *testing.T) {
	child := exec.Command("sleep", "60")
	must(t, child.Start())
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	found, err := descendants("/proc", os.Getpid())
	must(t, err)
	index := slices.IndexFunc(found, func(p update.Process) bool { return p.PID == child.Process.Pid })
	if index < 0 || found[index].Parent != os.Getpid() || found[index].Started == 0 {
		t.Errorf("the child %d is not there: %+v", child.Process.Pid, found)
	}
}
