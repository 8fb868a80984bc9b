package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/backup"
)

// backupReport is what --json says of a backup.
type backupReport struct {
	Type      string     `json:"type"`
	ID        string     `json:"id"`
	Project   string     `json:"project"`
	Service   string     `json:"service"`
	Kind      string     `json:"kind"`
	Volume    string     `json:"volume,omitempty"`
	Started   time.Time  `json:"started"`
	Verified  *time.Time `json:"verified"` // null: never
	Damaged   string     `json:"damaged,omitempty"`
	Release   int        `json:"release,omitempty"`
	Server    string     `json:"server"`
	Bytes     int64      `json:"bytes"`
	Rows      int64      `json:"rows"` // or keys
	Files     int64      `json:"files,omitempty"`
	Databases []string   `json:"databases"`
	Encrypted bool       `json:"encrypted"`
	DumpMS    int64      `json:"dump_ms"`
	ProofMS   int64      `json:"proof_ms"`
	Directory string     `json:"directory"`
}

func reportOf(one backup.Stored) backupReport {
	report := backupReport{Type: "backup", ID: one.ID, Project: one.Project, Service: one.Service, Kind: cmp.Or(one.Kind, backup.KindPostgres), Volume: one.Volume, Started: one.Started, Damaged: one.Damaged,
		Release: one.Release, Server: one.Server, Bytes: one.Bytes(), Encrypted: len(one.Recipients) > 0,
		DumpMS: one.DumpTook.Milliseconds(), ProofMS: one.ProofTook.Milliseconds(), Directory: one.Directory, Databases: []string{}}
	if !one.Verified.IsZero() {
		report.Verified = &one.Verified
	}
	if one.Problem != nil {
		report.Damaged = one.Problem.Error()
	}
	for _, d := range one.Databases {
		report.Databases = append(report.Databases, d.Name)
		report.Rows += d.Rows()
		if d.Listing != nil {
			report.Files += d.Listing.Entries
		}
	}
	return report
}

func (a *app) encode(value any) error { return json.NewEncoder(a.out).Encode(value) }

func (a *app) backupListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Short: "List the backups, newest last", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			store, err := s.backupStore(false)
			if err != nil {
				return err
			}
			all, err := store.List()
			if err != nil {
				return err
			}
			if asJSON {
				reports := []backupReport{}
				for _, one := range all {
					reports = append(reports, reportOf(one))
				}
				return a.encode(reports)
			}
			return a.printBackups(s.project.Name, all)
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printBackups(projectName string, all []backup.Stored) error {
	if len(all) == 0 {
		_, err := fmt.Fprintf(a.out, "%s has no backup; gapless backup create makes one\n", projectName)
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tOF\tKIND\tSIZE\tROWS\tPROVEN\t")
	for _, one := range all {
		report := reportOf(one)
		proven := "never"
		switch {
		case report.Damaged != "":
			proven = "DAMAGED: " + report.Damaged
		case report.Verified != nil:
			proven = report.Verified.Local().Format("2006-01-02 15:04")
		}
		if report.Encrypted {
			proven += ", encrypted"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t\n", one.ID, escaped(one.Of()), report.Kind, sizeText(report.Bytes), report.Rows+report.Files, escaped(proven))
	}
	return w.Flush()
}

func (a *app) backupPruneCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{Use: "prune", Short: "Remove the backups that retention does not keep", Args: cobra.NoArgs,
		Long: `Remove the backups that retention does not keep. It happens by itself after each
new backup. The newest keep, keep_weekly and keep_monthly of x-gapless.backup stay,
at least three that are proven, and those that were made for a release that one can
still go back from. A clock or a schedule that looks wrong removes nothing.`,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.openForBackup(c.Context(), "prune")
			if err != nil {
				return err
			}
			defer s.close()
			return a.prune(s, dry)
		}}
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be removed, and why the rest stays")
	return c
}

// prune applies retention to each database and volume by itself: a backup of one is
// no successor of another's.
func (a *app) prune(s *session, dry bool) error {
	makers, err := s.makersIn()
	if err != nil {
		return err
	}
	if len(makers) == 0 {
		return a.printBackups(s.project.Name, nil)
	}
	removed := 0
	for _, maker := range makers {
		pruning, err := maker.Prune(true)
		if err != nil {
			return err
		}
		a.printPruning(pruning)
		removed += len(pruning.Remove)
	}
	if dry || removed == 0 {
		return nil
	}
	if err := a.confirm(fmt.Sprintf("Remove %d backups?", removed)); err != nil {
		return err
	}
	for _, maker := range makers {
		if _, err := maker.Prune(false); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printPruning(pruning backup.Pruning) {
	if pruning.Refused != "" {
		fmt.Fprintln(a.out, "nothing is removed: "+pruning.Refused)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(pruning.Kept)) {
		fmt.Fprintf(a.out, "keep    %s  %s\n", id, escaped(pruning.Kept[id]))
	}
	for _, one := range pruning.Remove {
		fmt.Fprintf(a.out, "remove  %s\n", one.ID)
	}
}
