package ddl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Target is the server that the SQL is for.
type Target struct {
	MySQL   bool
	Version Version
}

// Version is that of a server. The zero value is any that is supported.
type Version struct {
	parts [3]int
	given int // how many of the parts are known
}

// The versions of Postgres that the rules hold for.
const (
	OldestPostgres = 12
	NewestPostgres = 19
)

// ErrVersion is a version for which there are no rules.
var ErrVersion = errors.New("no rules for this version")

// ParsePostgres reads a version such as 15 or 14.3.
func ParsePostgres(text string) (Target, error) {
	version, err := parseVersion(text)
	if err == nil && (version.parts[0] < OldestPostgres || version.parts[0] > NewestPostgres) {
		err = fmt.Errorf("postgres %s: %w", text, ErrVersion)
	}
	return Target{Version: version}, err
}

// ParseMySQL reads a version such as 8.0.36 or 8.4.
func ParseMySQL(text string) (Target, error) {
	version, err := parseVersion(text)
	if err == nil && (!version.atLeast(5, 7) || version.parts[0] > 9) {
		err = fmt.Errorf("mysql %s: %w", text, ErrVersion)
	}
	return Target{MySQL: true, Version: version}, err
}

func parseVersion(text string) (Version, error) {
	var v Version
	for i, part := range strings.Split(text, ".") {
		number, err := strconv.Atoi(part)
		if err != nil || i > 2 || number < 0 || number > 9999 || part[0] < '0' || part[0] > '9' {
			return Version{}, fmt.Errorf("%q is not a version", text)
		}
		v.parts[i] = number
		v.given++
	}
	return v, nil
}

// any tells whether nobody said which version it is.
func (v Version) any() bool { return v.given == 0 }

// has tells whether the version has what came with a major version. Where nobody
// said which version it is, what is written is taken for known.
func (v Version) has(major int) bool { return v.any() || v.parts[0] >= major }

// atLeast tells whether the version is known to be at least the one named. Parts
// that are not given count as zero.
func (v Version) atLeast(want ...int) bool {
	for i, number := range want {
		if v.parts[i] != number {
			return v.parts[i] > number
		}
	}
	return true
}

// corruptsConcurrent tells the minor versions of 14 in which a CONCURRENTLY index
// may miss rows: https://www.postgresql.org/docs/release/14.4/
func (v Version) corruptsConcurrent() bool {
	return v.given > 1 && v.parts[0] == 14 && v.parts[1] < 4
}
