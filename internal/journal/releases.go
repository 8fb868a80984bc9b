package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"gapless/internal/update"
)

// maxReleaseBytes bounds one release record.
const maxReleaseBytes = 32 << 20

// ErrNoRelease says that there is no such release.
var ErrNoRelease = errors.New("no such release; gapless history lists them")

// SaveRelease records a release for ever.
func (l *Lock) SaveRelease(release update.Release) error {
	return saveRelease(l.store.disk, release)
}

func saveRelease(disk files, release update.Release) error {
	name := releaseName(release.Number)
	if _, err := disk.sizeOf(releasesName + "/" + name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("release %d is recorded already, and a release never changes", release.Number), err)
	}
	return writeRelease(disk, releasesName, name, release)
}

// SavePending keeps the release that a run is making, so that it is there at
// the commit. Saving again replaces it.
func (l *Lock) SavePending(release update.Release) error {
	return savePending(l.store.disk, release)
}

func savePending(disk files, release update.Release) error {
	if !runName.MatchString(release.Run) {
		return fmt.Errorf("%q cannot name a run", release.Run)
	}
	return writeRelease(disk, pendingName, release.Run+".json", release)
}

func writeRelease(disk files, directory, name string, release update.Release) error {
	if release.Number < 1 {
		return fmt.Errorf("release number %d is not positive", release.Number)
	}
	release.Format = update.ReleaseFormat
	content, err := json.MarshalIndent(release, "", "  ")
	if err != nil {
		return fmt.Errorf("encode release %d: %w", release.Number, err)
	}
	if len(content) > maxReleaseBytes {
		return fmt.Errorf("the record of release %d has %d bytes, more than the %d that are allowed", release.Number, len(content), maxReleaseBytes)
	}
	if err := writeNew(disk, directory, name, append(content, '\n')); err != nil {
		return fmt.Errorf("record release %d: %w", release.Number, full(err))
	}
	return nil
}

// Promote makes the pending release of a run a release. A release that the
// run made already is a success, so that a resume can repeat it.
func (l *Lock) Promote(run string) (update.Release, error) {
	return promote(l.store.disk, l.store.path, run)
}

func promote(disk files, path, run string) (update.Release, error) {
	release, err := pending(disk, path, run)
	if errors.Is(err, ErrNoRelease) {
		return promoted(disk, path, run)
	}
	if err != nil {
		return update.Release{}, err
	}
	name := releasesName + "/" + releaseName(release.Number)
	if recorded, err := readRelease(disk, path, name); err == nil {
		if recorded.Run != run {
			return update.Release{}, fmt.Errorf("release %d was recorded by run %s, not by run %s", release.Number, recorded.Run, run)
		}
		return recorded, errors.Join(disk.syncDirectory(releasesName), ignoreMissing(disk.remove(pendingName+"/"+run+".json")))
	} else if !errors.Is(err, ErrNoRelease) {
		return update.Release{}, err
	}
	err = disk.link(pendingName+"/"+run+".json", name)
	if err == nil {
		err = disk.syncDirectory(releasesName)
	}
	if err == nil {
		err = ignoreMissing(disk.remove(pendingName + "/" + run + ".json"))
	}
	if err != nil {
		return update.Release{}, fmt.Errorf("record release %d: %w", release.Number, err)
	}
	return release, nil
}

// promoted finds the release that a run recorded.
func promoted(disk files, path, run string) (update.Release, error) {
	newest, err := newestRelease(disk, path)
	if err != nil {
		return update.Release{}, err
	}
	if newest.Run != run {
		return update.Release{}, fmt.Errorf("run %s has no pending release: %w", run, ErrNoRelease)
	}
	// The rename may have been seen by this process and not by the disk yet.
	return newest, disk.syncDirectory(releasesName)
}

// DropPending forgets the release that a run did not get to make.
func (l *Lock) DropPending(run string) error {
	if !runName.MatchString(run) {
		return fmt.Errorf("%q cannot name a run", run)
	}
	return ignoreMissing(l.store.disk.remove(pendingName + "/" + run + ".json"))
}

// Pending returns the release that a run is making, or ErrNoRelease.
func (s *Store) Pending(run string) (update.Release, error) { return pending(s.disk, s.path, run) }

func pending(disk files, path, run string) (update.Release, error) {
	if !runName.MatchString(run) {
		return update.Release{}, fmt.Errorf("%q cannot name a run", run)
	}
	release, err := readRelease(disk, path, pendingName+"/"+run+".json")
	if err == nil && release.Run != run {
		return release, fmt.Errorf("%s/%s/%s.json is of run %q", path, pendingName, run, release.Run)
	}
	return release, err
}

// Release returns one release, or ErrNoRelease.
func (s *Store) Release(number int) (update.Release, error) {
	return numberedRelease(s.disk, s.path, number)
}

func numberedRelease(disk files, path string, number int) (update.Release, error) {
	name := releasesName + "/" + releaseName(number)
	release, err := readRelease(disk, path, name)
	if err == nil && release.Number != number {
		return release, fmt.Errorf("%s/%s says that it is release %d; it was renamed or copied by hand", path, name, release.Number)
	}
	return release, err
}

// Newest returns the release with the highest number, or ErrNoRelease.
func (s *Store) Newest() (update.Release, error) { return newestRelease(s.disk, s.path) }

func newestRelease(disk files, path string) (update.Release, error) {
	numbers, err := releaseNumbers(disk)
	if err != nil {
		return update.Release{}, err
	}
	if len(numbers) == 0 {
		return update.Release{}, ErrNoRelease
	}
	return numberedRelease(disk, path, numbers[len(numbers)-1])
}

// Releases lists the numbers of the releases, oldest first.
func (s *Store) Releases() ([]int, error) { return releaseNumbers(s.disk) }

func releaseNumbers(disk files) ([]int, error) {
	names, err := disk.list(releasesName)
	if err != nil {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	var numbers []int
	for _, name := range names {
		text, isRelease := strings.CutSuffix(name, ".json")
		number, err := strconv.Atoi(text)
		if isRelease && err == nil && number > 0 && releaseName(number) == name {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func releaseName(number int) string { return strconv.Itoa(number) + ".json" }

// readRelease reads one record and refuses what it does not know.
func readRelease(disk files, path, name string) (update.Release, error) {
	content, err := disk.read(name, maxReleaseBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return update.Release{}, ErrNoRelease
	}
	if err != nil {
		return update.Release{}, fmt.Errorf("read release: %w", err)
	}
	var release update.Release
	if err := json.Unmarshal(content, &release); err != nil {
		return update.Release{}, fmt.Errorf("%s/%s is not a release record: %w; restore it from a backup of the state directory", path, name, err)
	}
	if release.Format != update.ReleaseFormat {
		return update.Release{}, &FormatError{Path: path + "/" + name, Tool: "a newer one",
			Reason: fmt.Sprintf("format %d, and this is format %d", release.Format, update.ReleaseFormat)}
	}
	return release, nil
}
