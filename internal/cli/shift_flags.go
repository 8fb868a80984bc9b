package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/update"
)

// shiftFlags are the flags of plan and update that say how the new version
// takes over.
type shiftFlags struct {
	strategy   string
	migrations string
	watch      time.Duration
	noWatch    bool
	noCache    bool
	noBackup   bool
	noTrace    bool
}

func (f *shiftFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.strategy, "strategy", update.StrategyAuto, "auto, "+strings.Join(update.Strategies(), ", "))
	f.addMigrations(c)
	c.Flags().DurationVar(&f.watch, "watch", 0, "look at the new version for so long before the old one is given up")
	c.Flags().BoolVar(&f.noCache, "no-cache", false, "build without the cache, as is done anyway when dependencies changed")
	c.Flags().BoolVar(&f.noWatch, "no-watch", false, "do not look at all, also where the strategy would")
}

// addMigrations adds those about migrations.
func (f *shiftFlags) addMigrations(c *cobra.Command) {
	c.Flags().StringVar(&f.migrations, "migrations", "", "compatible or breaking: whether the version that runs now survives the migrations of the new one")
	c.Flags().BoolVar(&f.noBackup, "no-backup", false, "make no backup, also before migrations")
	c.Flags().BoolVar(&f.noTrace, "no-trace", false, "judge migrations by their statements, without running them in a shadow of the database first")
}

// check refuses values that this version does not know.
func (f *shiftFlags) check() error {
	if f.strategy != update.StrategyAuto && !slices.Contains(update.Strategies(), f.strategy) {
		return &exitStatus{code: exitError, err: fmt.Errorf("unknown strategy %q", f.strategy), hint: "this version knows: auto, " + strings.Join(update.Strategies(), ", ")}
	}
	switch f.migrations {
	case "", update.MigrationsCompatible, update.MigrationsBreaking:
	default:
		return &exitStatus{code: exitError, err: fmt.Errorf("unknown verdict %q about the migrations", f.migrations), hint: "say compatible or breaking"}
	}
	if f.watch < 0 || f.watch > 0 && f.noWatch {
		return &exitStatus{code: exitError, err: fmt.Errorf("--watch %s and --no-watch=%t do not fit together", f.watch, f.noWatch)}
	}
	return nil
}

func (f *shiftFlags) options(services []string) update.Options {
	return update.Options{Named: services, Strategy: f.strategy, Migrations: f.migrations, Watch: f.watch, NoWatch: f.noWatch, NoCache: f.noCache, NoBackup: f.noBackup}
}
