package cli

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gapless/internal/project"
)

var aliasPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}$`)

// aliases are the short names, with the command lines behind them. One whose
// command this version does not have is left out.
var aliases = []struct{ name, command string }{
	{"update", "update"},
	{"pull-update", "update --pull"},
	{"quick-update", "update --strategy quick"},
	{"reload", "update --strategy reload"},
	{"backup-before-update", "backup create"},
	{"plan", "plan"},
	{"compare", "plan --compare"},
	{"rollback", "rollback"},
	{"maintenance-on", "maintenance on"},
	{"maintenance-off", "maintenance off"},
	{"status", "status"},
	{"history", "history"},
	{"logs", "logs --follow"},
	{"doctor", "doctor"},
}

func (a *app) aliasesCommand() *cobra.Command {
	prefix := "gl"
	c := &cobra.Command{
		Use:   "aliases",
		Short: "Print shell aliases",
		Long: `Aliases prints short names for the shell. In the directory of a project they
name its compose files, so that they work from everywhere.`,
		Example: "  gapless aliases --prefix tm >> ~/.bashrc",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !aliasPrefix.MatchString(prefix) {
				return fmt.Errorf("prefix %q: use a lower-case letter, then letters, digits or _", prefix)
			}
			beginning := a.projectWords()
			for _, alias := range aliases {
				if !hasCommand(c.Root(), strings.Fields(alias.command)) {
					continue
				}
				line := strings.Join(append(beginning, alias.command), " ")
				if _, err := fmt.Fprintf(a.out, "alias %s-%s='%s'\n", prefix, alias.name, strings.ReplaceAll(line, "'", `'\''`)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&prefix, "prefix", prefix, "start of every alias")
	return c
}

// hasCommand tells whether the program has a command with these flags.
func hasCommand(root *cobra.Command, words []string) bool {
	found, rest, err := root.Find(words)
	if err != nil || found == root {
		return false
	}
	for _, word := range rest {
		name, isFlag := strings.CutPrefix(word, "--")
		if isFlag && found.Flags().Lookup(name) == nil {
			return false
		}
	}
	return len(rest) == 0 || strings.HasPrefix(rest[0], "--")
}

// projectWords begins a command line that means this project in whatever
// directory it is called.
func (a *app) projectWords() []string {
	words := []string{"gapless"}
	if a.plugin {
		words = []string{"docker", "gapless"}
	}
	add := func(flag string, values ...string) {
		for _, value := range values {
			if value != "" {
				words = append(words, flag, shellWord(value))
			}
		}
	}
	add("--host", a.flags.host)
	add("--context", a.flags.dockerContext)
	files := project.FilesOf(a.projectOptions())
	add("--file", files...)
	if len(files) > 0 {
		add("--project-directory", absolutePath(a.flags.projectDirectory))
	}
	add("--project-name", a.flags.projectName)
	for _, file := range a.flags.envFiles {
		add("--env-file", absolutePath(file))
	}
	add("--profile", a.flags.profiles...)
	return words
}

// absolutePath is a path that means the same everywhere; empty for none.
func absolutePath(path string) string {
	if path == "" {
		return ""
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}
