package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gapless/internal/ui"
	"gapless/internal/update"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON, files bool
	c := &cobra.Command{
		Use:   "show [RELEASE]",
		Short: "Show what a release consists of",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			s, releases, err := a.openReleases(c.Context(), arguments)
			if err != nil {
				return err
			}
			defer s.close()
			switch {
			case asJSON:
				return ui.WriteJSON(a.out, withoutSecrets(releases[0]), s.redactor())
			case files:
				_, err := a.out.Write(releases[0].Rendered)
				return err
			}
			return a.printRelease(releases[0], s.redactor())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&files, "project", false, "print the compose project as it was resolved, with all values")
	return c
}

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff [A [B]]",
		Short: "Show what differs between two releases; the newest two by default",
		Args:  cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, arguments []string) error {
			s, releases, err := a.openReleases(c.Context(), arguments)
			if err != nil {
				return err
			}
			defer s.close()
			if len(releases) == 1 {
				other, err := s.store.Release(releases[0].Previous)
				if err != nil {
					return refuse(fmt.Errorf("release %d has none before it", releases[0].Number), s.releaseHint())
				}
				releases = []update.Release{other, releases[0]}
			}
			return a.printDifference(releases[0], releases[1])
		},
	}
}

// openReleases reads the releases that were named, the newest one if none was.
func (a *app) openReleases(ctx context.Context, arguments []string) (*session, []update.Release, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.openStore(); err != nil {
		return nil, nil, err
	}
	if len(arguments) == 0 {
		newest, err := s.store.Newest()
		if noRelease(err) {
			err = &exitStatus{code: exitError, err: fmt.Errorf("%s has no release yet", s.project.Name), hint: "gapless update makes the first one"}
		}
		return s, []update.Release{newest}, err
	}
	var releases []update.Release
	for _, argument := range arguments {
		number, err := strconv.Atoi(strings.TrimPrefix(argument, "r"))
		if err != nil {
			return nil, nil, &exitStatus{code: exitError, err: fmt.Errorf("%q is not a release number", argument), hint: s.releaseHint()}
		}
		release, err := s.store.Release(number)
		if noRelease(err) {
			return nil, nil, &exitStatus{code: exitError, err: fmt.Errorf("there is no release %d", number), hint: s.releaseHint()}
		}
		if err != nil {
			return nil, nil, err
		}
		releases = append(releases, release)
	}
	return s, releases, nil
}

// withoutSecrets leaves out the rendered project, which holds the environment,
// and the lists of files.
func withoutSecrets(release update.Release) update.Release {
	release.Rendered, release.Sources = nil, nil
	return release
}

func (a *app) printRelease(r update.Release, redactor *ui.Redactor) error {
	fmt.Fprintf(a.out, "%s release %d  %s  %s\nbecause: %s\n", r.Project, r.Number, r.Time.Local().Format("2006-01-02 15:04:05"), r.Strategy, escaped(redactor.Redact(r.Because)))
	if r.Revision != nil {
		fmt.Fprintf(a.out, "revision: %s\n", r.Revision)
	}
	if r.Backup != "" {
		fmt.Fprintf(a.out, "backup: %s, from before it migrated\n", r.Backup)
	}
	if r.Restored != "" {
		fmt.Fprintf(a.out, "data: from backup %s\n", r.Restored)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, name := range sortedNames(r.Services) {
		s := r.Services[name]
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", name, s.Image, update.ShortID(s.ImageID), strings.Join(s.Containers, ", "))
	}
	return w.Flush()
}

func sortedNames(services map[string]update.ReleaseService) []string {
	var names []string
	for name := range services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// printDifference compares images and, line by line, the projects. Values
// that may be secrets are not printed: only which line changed.
func (a *app) printDifference(from, to update.Release) error {
	fmt.Fprintf(a.out, "%s release %d -> %d\n", to.Project, from.Number, to.Number)
	same := true
	if was, is := from.Revision, to.Revision; was != nil && is != nil && *was != *is {
		same = false
		fmt.Fprintf(a.out, "  revision %s -> %s\n", was, is)
	}
	for _, name := range sortedNames(union(from.Services, to.Services)) {
		was, is := from.Services[name], to.Services[name]
		for _, change := range serviceDifference(was, is) {
			same = false
			fmt.Fprintf(a.out, "  %s: %s\n", name, change)
		}
	}
	if same {
		fmt.Fprintln(a.out, "  nothing differs")
	}
	return nil
}

func union(a, b map[string]update.ReleaseService) map[string]update.ReleaseService {
	all := map[string]update.ReleaseService{}
	for name, s := range a {
		all[name] = s
	}
	for name, s := range b {
		all[name] = s
	}
	return all
}

func serviceDifference(was, is update.ReleaseService) []string {
	var changes []string
	switch {
	case was.ImageID == "" && is.ImageID != "":
		changes = append(changes, "added")
	case was.ImageID != "" && is.ImageID == "":
		changes = append(changes, "removed")
	default:
		if was.Image != is.Image || was.ImageID != is.ImageID {
			changes = append(changes, fmt.Sprintf("image %s (%s) -> %s (%s)", was.Image, update.ShortID(was.ImageID), is.Image, update.ShortID(is.ImageID)))
		}
		if was.ConfigHash != is.ConfigHash {
			changes = append(changes, "configuration changed; compare gapless show --project of both")
		}
	}
	return changes
}
