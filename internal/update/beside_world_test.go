package update

import (
	"fmt"
	"time"
)

// addBeside gives a container the volume beside its service that it asks for,
// or makes it a helper of one that has such a volume.
func (w *world) addBeside(c *Container, spec CreateSpec) {
	if spec.Beside != "" && !w.otherPlan {
		c.Beside = spec.Beside
		w.volumes[c.Name] = false
	}
	if spec.Helper == nil {
		return
	}
	if _, there := w.volumes[spec.Helper.Of]; !there { // the engine makes an empty one of that name
		w.violations = append(w.violations, fmt.Sprintf("%s is made and %s has no volume", c.Name, spec.Helper.Of))
		w.volumes[spec.Helper.Of] = false
	}
	w.helpers[c.Name] = *spec.Helper
	w.commands[c.Name] = []string{spec.Helper.Act}
}

// startBeside looks whether a command of a one-off comes in its turn.
func (w *world) startBeside(c *Container) {
	if prepared, beside := w.volumes[c.Name]; beside && !prepared {
		w.violations = append(w.violations, c.Name+" collects and may not write there")
	}
	helper, is := w.helpers[c.Name]
	if !is || helper.Act != HelperPublish {
		return
	}
	if of := w.containers[helper.Of]; of == nil || of.StartedAt.IsZero() || of.Running || of.ExitCode != 0 {
		w.violations = append(w.violations, c.Name+" publishes what is not whole")
	}
}

// finishHelper is what a helper that ended well has done.
func (w *world) finishHelper(c *Container) {
	switch helper := w.helpers[c.Name]; helper.Act {
	case HelperPrepare:
		w.volumes[helper.Of] = true
	case HelperPublish:
		w.published = append(w.published, helper.Of)
	}
}

// endBeside notes that a one-off goes away. Its volume goes with it, unless
// somebody uses it, and no publication is cut off.
func (w *world) endBeside(name, how string) {
	c := w.containers[name]
	if w.helpers[name].Act == HelperPublish && c.Running && w.now.Before(c.StartedAt.Add(time.Minute)) {
		w.violations = append(w.violations, fmt.Sprintf("%s was %s while it published", name, how))
	}
	delete(w.helpers, name)
	for _, helper := range w.helpers {
		if helper.Of == name {
			return // the engine keeps the volume, and nobody finds it again
		}
	}
	delete(w.volumes, name)
}
