package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holderVariable makes the test binary a process that holds a lock.
const holderVariable = "GAPLESS_TEST_HOLD_LOCK"

func TestMain(m *testing.M) {
	if directory := os.Getenv(holderVariable); directory != "" {
		holdLock(directory)
		return
	}
	os.Exit(m.Run())
}

// holdLock takes the lock, says so, and waits to be killed.
func holdLock(directory string) {
	store, err := Open(directory, "shop")
	if err == nil {
		_, err = store.Lock(Self("01HOLDER", "gapless update", "test"))
	}
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println("locked")
	time.Sleep(time.Minute)
}

// startHolder returns a process that holds the lock.
func startHolder(t *testing.T, directory string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), holderVariable+"="+directory)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	if line, _ := bufio.NewReader(output).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the holder says %q", line)
	}
	return command
}

func TestSecondProcessIsToldWhoHoldsTheLock(t *testing.T) {
	directory := t.TempDir() + "/state"
	holder := startHolder(t, directory)
	store, err := Open(directory, "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, err = store.Lock(Self("", "gapless update", "test"))
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("got %v", err)
	}
	for _, fact := range []string{fmt.Sprint(holder.Process.Pid), "01HOLDER", "gapless update"} {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("%q does not say %q", err, fact)
		}
	}
	if status, err := store.LockStatus(); err != nil || !status.Held || status.Owner == nil || status.Owner.PID != holder.Process.Pid {
		t.Errorf("status %+v, %v", status, err)
	}
}

func TestKilledOwnerBlocksNobody(t *testing.T) {
	directory := t.TempDir() + "/state"
	holder := startHolder(t, directory)
	_ = holder.Process.Kill()
	_ = holder.Wait()
	store, err := Open(directory, "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if status, err := store.LockStatus(); err != nil || status.Held {
		t.Errorf("status %+v, %v", status, err)
	}
	if owner := store.readOwner(); owner != nil {
		t.Errorf("the dead owner is named: %+v", owner)
	}
	lock, err := store.Lock(Self("", "gapless update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestLockExcludesInOneProcess(t *testing.T) {
	store := openStore(t)
	lock, err := store.Lock(Self("", "gapless update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := store.Lock(Self("", "gapless update", "test")); !errors.As(err, &locked) || locked.Owner == nil {
		t.Errorf("second lock: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if again, err := store.Lock(Self("", "gapless update", "test")); err != nil {
		t.Error(err)
	} else {
		_ = again.Unlock()
	}
}

func TestOwnerTextIsHarmless(t *testing.T) {
	owner := Owner{Command: "gapless \x1b[2J", User: "root", Host: "h"}
	if strings.Contains(owner.String(), "\x1b") {
		t.Errorf("%q lets an escape through", owner)
	}
}

// TestInterruptMeetsTheOwner: a process that got the number of one that is over
// is left alone.
func TestInterruptMeetsTheOwner(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Process.Kill()
	owner := Owner{PID: sleeper.Process.Pid, Boot: bootID()}
	ticks, err := startTicks(owner.PID)
	if err != nil {
		t.Fatal(err)
	}
	owner.StartTicks = ticks + 1
	if err := owner.Interrupt(); err == nil {
		t.Error("a stranger was interrupted")
	}
	owner.StartTicks = ticks
	if err := owner.Interrupt(); err != nil {
		t.Fatal(err)
	}
	_ = sleeper.Wait()
	if status := sleeper.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the owner ended with %v", sleeper.ProcessState)
	}
	if err := owner.Interrupt(); err == nil {
		t.Error("a process that is over was interrupted")
	}
}
