package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
	"gapless/internal/update"
)

func (a *app) edgeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "edge",
		Short: "Look after the edge, which stands before the application",
		Args:  groupArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(
		a.edgeSub("status", "Show whether the edge runs, and where it listens", a.edgeStatus),
		a.edgeSub("routes", "Show which container gets the requests of which route", a.edgeRoutes),
		a.edgeSub("sync", "Look up the addresses of all containers again, as after a restart of the host", a.edgeSync),
		a.followCommand(),
		a.edgeSub("run", "Run the edge in the foreground instead of in a container", a.edgeRun),
		a.edgeSub("stop", "Stop the edge; no application of this host is reachable through it any more", a.edgeStop),
	)
	return c
}

func (a *app) edgeSub(name, short string, act func(context.Context) error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return act(c.Context()) }}
}

// edgeClient is a client of the edge of this host.
func edgeClient() (*edgectl.Client, string, error) {
	directory, err := edgeDirectory()
	if err != nil {
		return nil, "", err
	}
	return edgectl.New(directory), directory, nil
}

func (a *app) edgeStatus(ctx context.Context) error {
	client, directory, err := edgeClient()
	if err != nil {
		return err
	}
	health, err := client.Health(ctx)
	if errors.Is(err, edgectl.ErrNotRunning) {
		_, err := fmt.Fprintf(a.out, "not running (state in %s)\n", directory)
		return err
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "running  version %s  pid %d  generation %d\n", health.Version, health.PID, health.Generation)
	for _, l := range health.Listeners {
		fmt.Fprintf(a.out, "  %s %s  %s\n", l.Address, l.State, l.Error)
	}
	for _, hold := range health.Holds {
		page := ""
		if hold.Paging {
			page = "  (requests get the maintenance page)"
		}
		fmt.Fprintf(a.out, "  held: %s %s%s\n", hold.Project, strings.Join(hold.Services, ", "), page)
	}
	if len(health.Maintenance) > 0 {
		fmt.Fprintf(a.out, "  in maintenance: %s\n", strings.Join(health.Maintenance, ", "))
	}
	if len(health.Unverified) > 0 {
		fmt.Fprintf(a.out, "waiting after a restart of the host: %s\nnext: gapless edge sync\n", strings.Join(health.Unverified, ", "))
	}
	return nil
}

func (a *app) edgeRoutes(ctx context.Context) error {
	client, _, err := edgeClient()
	if err != nil {
		return err
	}
	projects, err := client.Projects(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROJECT\tSERVICE\tHOSTS\tPATH\tTARGETS")
	for _, name := range projects {
		config, err := client.Get(ctx, name)
		if err != nil {
			return err
		}
		for _, s := range config.Services {
			var targets []string
			for _, t := range s.Targets {
				targets = append(targets, fmt.Sprintf("%s (%s, weight %d)", t.ID, t.Address, t.Weight))
			}
			hosts := strings.Join(s.Hosts, ",")
			if hosts == "" {
				hosts = "any"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, s.Name, hosts, s.PathPrefix, strings.Join(targets, ", "))
		}
	}
	return w.Flush()
}

// edgeSync looks up the addresses of all targets of all projects again.
func (a *app) edgeSync(ctx context.Context) error {
	client, _, err := edgeClient()
	if err != nil {
		return err
	}
	e, err := engine.Connect(ctx, a.engineOptions())
	if err != nil {
		return err
	}
	defer e.Close()
	return edgectl.SyncAll(ctx, client, addressOf(e))
}

// addressOf looks up the address of a container.
func addressOf(e *engine.Engine) edgectl.Lookup {
	return func(ctx context.Context, containerName string) (string, error) {
		c, err := e.Inspect(ctx, containerName)
		if errors.Is(err, update.ErrNoContainer) || !c.Running {
			return "", ignoreNoContainer(err)
		}
		return c.Address(), err
	}
}

func ignoreNoContainer(err error) error {
	if errors.Is(err, update.ErrNoContainer) {
		return nil
	}
	return err
}

// edgeRun becomes the edge: the data plane is a program of its own.
func (a *app) edgeRun(context.Context) error {
	_, directory, err := edgeClient()
	if err != nil {
		return err
	}
	for _, private := range []string{filepath.Dir(directory), directory} {
		if err := makePrivate(private); err != nil {
			return err
		}
	}
	program, err := edgectl.Binary(directory)
	if err != nil {
		return err
	}
	return syscall.Exec(program, []string{program, "run", "--state-dir", directory}, os.Environ())
}

func (a *app) edgeStop(ctx context.Context) error {
	client, directory, err := edgeClient()
	if err != nil {
		return err
	}
	if projects, err := client.Projects(ctx); err == nil && len(projects) > 0 {
		fmt.Fprintf(a.err, "the edge serves: %s\n", strings.Join(projects, ", "))
		if err := a.confirm("Stop it? They are not reachable through it afterwards."); err != nil {
			return err
		}
	}
	e, err := engine.Connect(ctx, a.engineOptions())
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.RemoveContainer(ctx, followerName(directory)); err != nil {
		return err
	}
	return edgectl.Uninstall(ctx, containerHost{e}, directory)
}
