package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"gapless/internal/backup/archive"
)

// archiveCommand is what helpers run on the files of a volume, in a container of
// their own.
func (a *app) archiveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "archive",
		Short:  "Work on the files of a volume; runs during a backup by itself",
		Args:   groupArgs,
		Hidden: true,
		RunE:   func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		&cobra.Command{Use: "write DIRECTORY", Short: "Write an archive to the output", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, arguments []string) error {
				return archive.Write(a.out, arguments[0], func(path, why string) { fmt.Fprintf(a.err, "left out: %q: %s\n", path, why) })
			}},
		&cobra.Command{Use: "prove DIRECTORY", Short: "Extract an archive and list what came out", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, arguments []string) error {
				if err := archive.Extract(a.in, arguments[0]); err != nil {
					return err
				}
				return a.listFiles(arguments[0])
			}},
		&cobra.Command{Use: "fill DIRECTORY ID", Short: "Extract an archive beside what is there, and list it", Args: cobra.ExactArgs(2),
			RunE: func(_ *cobra.Command, arguments []string) error {
				if err := archive.Fill(a.in, arguments[0], arguments[1]); err != nil {
					return err
				}
				return a.listFiles(archive.Staging(arguments[0], arguments[1]))
			}},
		&cobra.Command{Use: "exchange DIRECTORY ID [NAME...]", Short: "Put what was filled in the place of what is there", Args: cobra.MinimumNArgs(2),
			RunE: func(_ *cobra.Command, arguments []string) error {
				return archive.Exchange(arguments[0], arguments[1], arguments[2:])
			}},
		&cobra.Command{Use: "discard DIRECTORY ID", Short: "Remove what was filled", Args: cobra.ExactArgs(2),
			RunE: func(_ *cobra.Command, arguments []string) error { return archive.Discard(arguments[0], arguments[1]) }},
		&cobra.Command{Use: "held DIRECTORY", Short: "Count what is there", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, arguments []string) error { return a.printHeld(arguments[0]) }},
	)
	return c
}

// listFiles prints a line for each name.
func (a *app) listFiles(directory string) error {
	out := bufio.NewWriter(a.out)
	err := archive.List(directory, func(line string) error {
		_, err := io.WriteString(out, line+"\n")
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// printHeld says how much is in a directory, and whose it is.
func (a *app) printHeld(directory string) error {
	entries, bytes, err := archive.Held(directory)
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Stat(directory, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: directory, Err: err}
	}
	return json.NewEncoder(a.out).Encode(map[string]int64{"entries": entries, "bytes": bytes, "uid": int64(stat.Uid), "gid": int64(stat.Gid)})
}
