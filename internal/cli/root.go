package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// app is what all commands share: the streams and the global flags.
type app struct {
	in       io.Reader
	out, err io.Writer
	flags    globalFlags
	plugin   bool // called as docker gapless
}

// globalFlags are those of docker compose, with the same meaning.
type globalFlags struct {
	files            []string
	envFiles         []string
	profiles         []string
	projectName      string
	projectDirectory string
	host             string
	dockerContext    string
	progress         string
	color            string
	yes              bool
}

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			code = recovered(cause, errOut)
		}
	}()
	a := &app{in: in, out: out, err: errOut}
	rest := args[1:]
	if strings.TrimSuffix(filepath.Base(args[0]), ".exe") == "docker-gapless" {
		a.plugin = true
		var handled bool
		if rest, handled = a.pluginArgs(rest); handled {
			return exitDone
		}
	}
	root := a.root()
	root.SetArgs(rest)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return a.report(root.ExecuteContext(ctx))
}

// report says what went wrong and returns the exit code for it.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	var status *exitStatus
	code, hint := codeAndHint(err)
	if errors.As(err, &status) && status.silent {
		return code
	}
	fmt.Fprintln(a.err, "gapless: "+escaped(err.Error()))
	if hint != "" {
		fmt.Fprintln(a.err, "hint: "+escaped(hint))
	}
	return code
}

func (a *app) root() *cobra.Command {
	name := "gapless"
	if a.plugin {
		name = "docker gapless"
	}
	root := &cobra.Command{
		Use:         "gapless",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},

		Short: "Update a running Docker Compose application with no gap in service",
		Example: strings.ReplaceAll(`  NAME plan            what an update would do, and why
  NAME update          bring the new version in while traffic flows
  NAME rollback        go back to the release before
  NAME status          what runs, and which release it is`, "NAME", name),
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              groupArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.flags.check() },
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},

		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &exitStatus{code: exitError, err: err, hint: c.CommandPath() + " --help lists the flags"}
	})
	a.bindFlags(root)
	root.AddCommand(a.updateCommand(), a.planCommand(), a.rollbackCommand(), a.resumeCommand(), a.abortCommand(),
		a.statusCommand(), a.historyCommand(), a.showCommand(), a.diffCommand(), a.logsCommand(), a.watchCommand(), a.topCommand(),
		a.initCommand(), a.doctorCommand(), a.maintenanceCommand(), a.backupCommand(), a.migrationsCommand(), a.edgeCommand(), a.lockCommand(), a.notifyCommand(), a.metricsCommand(), a.aliasesCommand(), a.staticsCommand(), a.archiveCommand(), a.versionCommand())
	return root
}

func (a *app) bindFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringArrayVarP(&a.flags.files, "file", "f", nil, "compose file (repeatable)")
	flags.StringVarP(&a.flags.projectName, "project-name", "p", "", "project name")
	flags.StringArrayVar(&a.flags.profiles, "profile", nil, "profile to enable (repeatable)")
	flags.StringArrayVar(&a.flags.envFiles, "env-file", nil, "environment file (repeatable)")
	flags.StringVar(&a.flags.projectDirectory, "project-directory", "", "directory that relative paths start from")
	flags.StringVarP(&a.flags.host, "host", "H", "", "Docker engine to talk to")
	flags.StringVar(&a.flags.dockerContext, "context", "", "Docker context to use")
	flags.StringVar(&a.flags.progress, "progress", envOr("GAPLESS_PROGRESS", "auto"), "output: auto, tty, plain, json or quiet")
	flags.StringVar(&a.flags.color, "color", "auto", "colour: auto, always or never")
	flags.BoolVarP(&a.flags.yes, "yes", "y", os.Getenv("GAPLESS_YES") != "", "do not ask")
}

// check refuses values that would come to light only when the work begins.
func (f globalFlags) check() error {
	for _, one := range []struct {
		name, value string
		allowed     []string
	}{
		{"progress", f.progress, []string{"auto", "tty", "plain", "json", "quiet"}},
		{"color", f.color, []string{"auto", "always", "never"}},
	} {
		if !slices.Contains(one.allowed, one.value) {
			return &exitStatus{code: exitError, err: fmt.Errorf("--%s %q is unknown", one.name, one.value), hint: "use " + strings.Join(one.allowed, ", ")}
		}
	}
	return nil
}

// envOr is a variable of the environment, or the value if it is empty.
func envOr(name, value string) string {
	if set := os.Getenv(name); set != "" {
		return set
	}
	return value
}
