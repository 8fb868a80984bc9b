package update

// note keeps in the journal what a step has to know again when it is resumed or
// undone by another process. A later note under the same name replaces it.
func (env *Env) note(name string, values []string) error {
	entry := Entry{Kind: EntryNote, Run: env.Run, Time: env.Clock.Now(), Name: name, Values: values}
	if err := env.Journal.Append(entry); err != nil {
		return err
	}
	env.keep(name, values)
	return nil
}

func (env *Env) keep(name string, values []string) {
	if env.notes == nil {
		env.notes = map[string][]string{}
	}
	env.notes[name] = values
}

// noted is what was noted under a name, by this process or the one before.
func (env *Env) noted(name string) (values []string, found bool) {
	values, found = env.notes[name]
	return values, found
}

// isInterrupted tells whether the user asked to stop. A step that makes several
// attempts asks in between.
func (env *Env) isInterrupted() bool {
	select {
	case <-env.interrupted:
		return true
	default:
		return false
	}
}
