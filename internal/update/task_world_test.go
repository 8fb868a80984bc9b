package update

import (
	"context"
	"fmt"
	"time"
)

// startTask begins the command of a one-off, and ends it if it takes no time.
func (w *world) startTask(c *Container) {
	command := w.commands[c.Name]
	if command == nil {
		return
	}
	w.ran = append(w.ran, command[0])
	w.checkBackup(command)
	w.startBeside(c)
	if command[0] == TaskMigrate && w.database.beginTry(c) {
		return
	}
	if w.taskTime == 0 {
		w.finishTask(c)
	}
}

// endTasks ends the one-offs whose time is over.
func (w *world) endTasks() {
	for name := range w.commands {
		if c := w.containers[name]; c != nil && c.Running && !w.now.Before(c.StartedAt.Add(w.taskTime)) {
			w.finishTask(c)
		}
	}
}

func (w *world) finishTask(c *Container) {
	c.Running, c.Addresses = false, nil
	if w.failing[w.commands[c.Name][0]] {
		c.ExitCode = 1
		return
	}
	w.finishHelper(c)
}

// endTask notes that a one-off goes away. No migration is cut off.
func (w *world) endTask(name, how string) {
	command := w.commands[name]
	if c := w.containers[name]; command != nil && command[0] == "migrate" && c.Running && w.now.Before(c.StartedAt.Add(time.Minute)) {
		w.violations = append(w.violations, fmt.Sprintf("the migration %s was %s while it ran", name, how))
	}
	w.endBeside(name, how)
	delete(w.commands, name)
}

func (f fakeContainers) SignalProcess(_ context.Context, name, signal string) error {
	return f.w.call("signal-process "+name, func() error {
		c := f.w.containers[name]
		if c == nil {
			return ErrNoContainer
		}
		f.w.ran = append(f.w.ran, signal)
		if f.w.failing[signal] { // it does not survive it
			c.Running, c.Addresses = false, nil
		}
		return nil
	})
}

func (f fakeContainers) Exec(_ context.Context, name string, argv []string, _ time.Duration) (ExecResult, error) {
	var result ExecResult
	err := f.w.call("exec "+name, func() error {
		c := f.w.containers[name]
		if c == nil || !c.Running {
			return fmt.Errorf("%s does not run", name)
		}
		f.w.ran = append(f.w.ran, argv[0])
		if argv[0] == "quiesce" {
			f.w.quiesced[name] = c.PID
		}
		if f.w.failing[argv[0]] {
			result = ExecResult{Code: 3, Output: "not\nso"}
		}
		return nil
	})
	return result, err
}
