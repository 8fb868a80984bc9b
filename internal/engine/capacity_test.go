package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/image"
)

// A container is bounded by the control groups around it, up to the root that
// can be seen, and not by its own.
func TestGroupsAbove(t *testing.T) {
	for membership, want := range map[string][]string{
		"4:memory:/docker/abc\n0::/\n":                   {"/docker", "/"},
		"4:memory:/abc\n":                                {"/"},
		"0::/system.slice/shop.slice/docker-abc.scope\n": {"/system.slice/shop.slice", "/system.slice", "/"},
		"0::/docker-abc.scope\n":                         {"/"},
		"0::/../other\n":                                 nil, // outside of what can be seen from here
	} {
		own, found := memoryCgroup(membership)
		if !found {
			t.Fatal(membership)
		}
		var got []string
		for _, place := range groupsAbove(filepath.Dir(own.usage), own) {
			got = append(got, place.path)
			wanted := "memory.max"
			if strings.Contains(own.usage, "/memory/") {
				wanted = "memory.limit_in_bytes"
			}
			if filepath.Base(place.limits[0]) != wanted || filepath.Dir(place.limits[0]) != filepath.Dir(place.usage) {
				t.Errorf("%s: %+v", membership, place)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", membership, diff)
		}
	}
}

// The lowest of a group's limits counts, and "max" is none.
func TestGroupLimit(t *testing.T) {
	for _, c := range []struct {
		max, high, current string
		limit, used        int64
		bounded            bool
	}{
		{"max", "max", "100", 0, 0, false},
		{"9223372036854771712", "", "100", 0, 0, false},
		{"1000", "max", "100", 1000, 60, true},
		{"1000", "800", "100", 800, 60, true},
		{"1000", "", "", 0, 0, false},
	} {
		directory := t.TempDir()
		for name, content := range map[string]string{"max": c.max, "high": c.high, "current": c.current, "stat": "anon 60\ninactive_file 40\n"} {
			if content == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(directory, name), []byte(content+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		in := func(name string) string { return filepath.Join(directory, name) }
		place := groupPlace{limits: []string{in("max"), in("high")}, cgroupPlace: cgroupPlace{usage: in("current"), statistics: in("stat"), cacheField: "inactive_file"}}
		limit, used, bounded := place.read()
		if bounded != c.bounded || bounded && (limit != c.limit || used != c.used) {
			t.Errorf("%+v: %d of %d, %v", c, used, limit, bounded)
		}
	}
}

func TestParseConnections(t *testing.T) {
	limit, byAddress, err := parseConnections("limit 97\n10.0.0.2 12\n 1\nfd00::2 3\n")
	want := map[string]int{"10.0.0.2": 12, "": 1, "fd00::2": 3}
	if diff := cmp.Diff(want, byAddress); diff != "" || limit != 97 || err != nil {
		t.Errorf("limit %d, %v\n%s", limit, err, diff)
	}
	for _, text := range []string{"", "10.0.0.2 12\n", "psql: error: no such role\n", "limit x\n", "limit 0\n"} {
		if _, _, err := parseConnections(text); err == nil {
			t.Errorf("%q is an answer", text)
		}
	}
}

func TestPostgresUser(t *testing.T) {
	for want, environment := range map[string][]string{
		"tours":    {"PATH=/bin", "POSTGRES_USER=tours", "POSTGRES_DB=x"},
		"postgres": {"POSTGRES_USER="},
	} {
		if command := strings.Join(postgresCommand(environment), "|"); !strings.Contains(command, "|--username|"+want+"|") {
			t.Errorf("%v: %s", environment, command)
		}
	}
}

// Two images share what was made at the same time in the same way, from the
// oldest entry on, layers without content included.
func TestBytesBeyond(t *testing.T) {
	entry := func(created int64, by string, size int64) image.HistoryResponseItem {
		return image.HistoryResponseItem{Created: created, CreatedBy: by, Size: size}
	}
	base := []image.HistoryResponseItem{entry(2, "WORKDIR /app", 0), entry(1, "ADD root", 100)}
	after := func(entries ...image.HistoryResponseItem) []image.HistoryResponseItem {
		return append(entries, base...)
	}
	was := after(entry(5, "CMD", 0), entry(4, "COPY .", 7), entry(3, "RUN install", 50))
	for name, c := range map[string]struct {
		own, other []image.HistoryResponseItem
		want       int64
	}{
		"alone":               {was, nil, 157},
		"beyond its base":     {was, base, 57},
		"a cached build":      {after(entry(9, "CMD", 0), entry(8, "COPY .", 9), entry(3, "RUN install", 50)), was, 9},
		"a build from afresh": {after(entry(9, "CMD", 0), entry(8, "COPY .", 9), entry(7, "RUN install", 50)), was, 59},
		"of another base":     {[]image.HistoryResponseItem{entry(6, "ADD root", 110)}, was, 110},
		"the same":            {was, was, 0},
	} {
		if got := bytesBeyond(c.own, c.other); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// A disk of which nothing is known is not taken for a full one.
func TestFreeDisk(t *testing.T) {
	here := t.TempDir()
	if _, bytes, err := (Facts{Local: true, RootDirectory: here}).FreeDisk(); err != nil || bytes <= 0 {
		t.Errorf("%d bytes, %v", bytes, err)
	}
	for name, facts := range map[string]Facts{
		"elsewhere": {RootDirectory: here}, "not said": {Local: true}, "not there": {Local: true, RootDirectory: filepath.Join(here, "gone")},
	} {
		if _, _, err := facts.FreeDisk(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
