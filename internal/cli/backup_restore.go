package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"gapless/internal/backup"
	"gapless/internal/update"
)

// identityFlag reads the secret keys for encrypted backups.
type identityFlag struct{ path string }

func (f *identityFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "identity", os.Getenv("GAPLESS_BACKUP_IDENTITY"), "file with the secret key of an encrypted backup, as age-keygen writes it")
}

func (f *identityFlag) read() ([]age.Identity, error) {
	if f.path == "" {
		return nil, nil
	}
	identities, err := backup.ReadIdentities(f.path)
	if err != nil {
		return nil, &exitStatus{code: exitError, err: fmt.Errorf("--identity: %w", err)}
	}
	return identities, nil
}

func (a *app) backupVerifyCommand() *cobra.Command {
	var identity identityFlag
	c := &cobra.Command{Use: "verify BACKUP", Short: "Prove a backup again: read it, restore it into a throwaway server, compare", Args: cobra.ExactArgs(1),
		Long: `Prove a backup again. BACKUP is "latest", a service or a volume for its latest, an ID or a
part of one, or the path of a backup elsewhere. Of an encrypted backup only the checksums can be tested unless the
identity is given.`,
		RunE: func(c *cobra.Command, arguments []string) error {
			identities, err := identity.read()
			if err != nil {
				return err
			}
			return a.withBackup(c.Context(), "verify", arguments[0], func(ctx context.Context, _ *session, maker *backup.Maker, stored backup.Stored) error {
				err := maker.Verify(ctx, stored, identities, a.sayLine())
				if errors.Is(err, backup.ErrNoIdentity) {
					return &exitStatus{code: exitRefused, err: fmt.Errorf("backup %s has the bytes that were written; more cannot be proven: %w", stored.ID, err), hint: "add --identity FILE"}
				}
				if err != nil {
					return unfit(err)
				}
				_, err = fmt.Fprintf(a.out, "backup %s can be restored: %s\n", stored.ID, rowsText(stored))
				return err
			})
		}}
	identity.add(c)
	return c
}

func rowsText(stored backup.Stored) string {
	return backup.KindOf(stored.Manifest).Words(stored.Manifest) + " came back as they were"
}

// unfit is a backup that is refused.
func unfit(err error) error {
	if errors.Is(err, context.Canceled) {
		return &exitStatus{code: exitInterrupted, err: errors.New("interrupted")}
	}
	_, hint := codeAndHint(err)
	return &exitStatus{code: exitRefused, err: err, hint: hint}
}

// withBackup runs an act on one backup, until Ctrl-C.
func (a *app) withBackup(ctx context.Context, command, name string, act func(context.Context, *session, *backup.Maker, backup.Stored) error) error {
	s, err := a.openForBackup(ctx, command)
	if err != nil {
		return err
	}
	defer s.close()
	if command == "restore" {
		if err := s.nothingUnfinished(); err != nil {
			return err
		}
	}
	store, err := s.backupStore(true)
	if err != nil {
		return err
	}
	stored, err := store.Find(name)
	if err != nil {
		return &exitStatus{code: exitRefused, err: err, hint: "gapless backup list shows what there is"}
	}
	maker, err := s.makerFor(stored.Manifest)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return act(ctx, s, maker, stored)
}

// nothingUnfinished refuses to restore beside an update that was cut off or is held:
// its end would start what it knew, among data of another time.
func (s *session) nothingUnfinished() error {
	entries, err := s.unfinished()
	if err != nil || len(entries) == 0 {
		return err
	}
	return refuse(errors.New("an update of this project is not finished: nothing is restored beside it"), "gapless resume first")
}

func (a *app) backupRestoreCommand() *cobra.Command {
	var identity identityFlag
	var confirmed string
	c := &cobra.Command{Use: "restore BACKUP", Short: "Put a backup in the place of what is there today", Args: cobra.ExactArgs(1),
		Long: `Put a backup in the place of what is there today.

First everything is checked that can be checked without touching anything: that the
backup is of this project and of this version of Postgres, that it was not changed,
that it can be decrypted and read to its end. Then new databases are filled beside
those of today and compared with what was dumped. Only then they exchange their
names, all in one transaction: whoever is connected is cut off once and finds the
restored data. The databases of today stay, under other names, until you drop them.

The files of a volume, or of a Redis, are filled beside those of today and compared.
Then the services that have them mounted are stopped, the files change places by
renaming, and the services start again. Those of today stay in a directory of their own.

Everything that was written since the backup is missing afterwards. So it asks for
the name of the project, or wants it as --confirm NAME.`,
		RunE: func(c *cobra.Command, arguments []string) error {
			identities, err := identity.read()
			if err != nil {
				return err
			}
			return a.withBackup(c.Context(), "restore", arguments[0], func(ctx context.Context, s *session, maker *backup.Maker, stored backup.Stored) error {
				return a.restore(ctx, s.project.Name, maker, stored, identities, confirmed)
			})
		}}
	identity.add(c)
	c.Flags().StringVar(&confirmed, "confirm", "", "the name of the project: yes, what was written since the backup may be missing")
	return c
}

func (a *app) restore(ctx context.Context, projectName string, maker *backup.Maker, stored backup.Stored, identities []age.Identity, confirmed string) error {
	restoration, err := maker.CheckRestore(ctx, stored, identities, a.sayLine())
	if errors.Is(err, backup.ErrNoIdentity) {
		return &exitStatus{code: exitRefused, err: err, hint: "add --identity FILE"}
	}
	if err != nil {
		return unfit(err)
	}
	fmt.Fprintf(a.err, "backup %s of %s, %s old: %s\n", stored.ID, stored.Of(), ageText(stored.Started), strings.Replace(rowsText(stored), " came back as they were", "", 1))
	if stored.ProofTook > 0 && stored.Size() > 0 {
		fmt.Fprintf(a.err, "filling about %s takes about %s, by its proof\n", sizeText(stored.Size()), update.DurationText(stored.ProofTook))
	}
	for _, one := range restoration.Replaced {
		fmt.Fprintf(a.err, "%s; it stays as %s\n", escaped(one.Today()), escaped(one.Kept))
	}
	if restoration.Loses() {
		if err := a.confirmTyped(projectName, confirmed); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := maker.Restore(ctx, restoration, a.sayLine()); err != nil {
		return notRestored(err)
	}
	fmt.Fprintf(a.out, "backup %s is restored and compared, in %s\n", stored.ID, update.DurationText(time.Since(began)))
	for _, one := range restoration.Replaced {
		fmt.Fprintf(a.out, "  %s of before stays, and is in no backup; once you do not need it: %s\n", escaped(one.Name), escaped(one.Drop()))
	}
	return nil
}

// notRestored is a restore that failed before the exchange, or in a way that
// nobody knows.
func notRestored(err error) error {
	_, hint := codeAndHint(err)
	var unclear *backup.UnclearError
	var pending *backup.PendingError
	var stopped *backup.StoppedError
	switch {
	case errors.As(err, &stopped): // before an interruption: it says what is down
		return &exitStatus{code: exitHeld, err: stopped, hint: stopped.Hint()}
	case errors.As(err, &pending):
		return &exitStatus{code: exitHeld, err: err, hint: hint}
	case errors.As(err, &unclear):
		return &exitStatus{code: exitHeld, err: err, hint: hint}
	case errors.Is(err, context.Canceled):
		return &exitStatus{code: exitInterrupted, err: errors.New("interrupted: what is there today was not touched")}
	}
	return &exitStatus{code: exitError, err: fmt.Errorf("what is there today was not touched: %w", err), hint: hint}
}

// confirmTyped asks for a word that nobody types by accident. --yes does not
// stand for it.
func (a *app) confirmTyped(word, given string) error {
	if err := checkConfirmed(word, given); err != nil || given != "" {
		return err
	}
	if !isTerminal(a.in) {
		return &exitStatus{code: exitRefused, err: errors.New("there is data today, and there is no terminal to ask on"), hint: "add --confirm " + word + " if what was written since the backup may be missing"}
	}
	fmt.Fprintf(a.err, "Everything that was written since the backup will be missing. Type %s to go on: ", word)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if strings.TrimSpace(line) != word || err != nil && line == "" {
		return &exitStatus{code: exitError, err: errors.New("not confirmed"), hint: "nothing was touched"}
	}
	return nil
}

// checkConfirmed refuses a confirmation that was meant for another project.
func checkConfirmed(word, given string) error {
	if given != "" && given != word {
		return &exitStatus{code: exitError, err: fmt.Errorf("--confirm %s is not the name of the project, which is %s", given, word), hint: "nothing was touched"}
	}
	return nil
}

// ageText says how long ago something was.
func ageText(at time.Time) string {
	age := time.Since(at)
	if age < 48*time.Hour {
		return age.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(age.Hours()/24))
}
