package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// written makes a stored dump, and returns what a manifest says of it.
func written(t *testing.T, seal *seal) (path string, d Database) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "1.dump")
	w, err := createDump(path, seal)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(bytes.Repeat([]byte("a row\n"), 50_000))); err != nil {
		t.Fatal(err)
	}
	d.Sealed = seal != nil
	if d.Stored, d.Plain, err = w.finish(); err != nil {
		t.Fatal(err)
	}
	return path, d
}

func readAll(path string, d Database, identities ...age.Identity) error {
	r, err := openDump(context.Background(), path, d, identities)
	if err != nil {
		return err
	}
	return r.close()
}

// TestDamageIsTold: a stored dump that is not what was written is refused, each
// time with its own words.
func TestDamageIsTold(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := newSeal([]string{key.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage func(content []byte) []byte
		says   string
	}{
		"as it was":  {func(b []byte) []byte { return b }, ""},
		"60 % of it": {func(b []byte) []byte { return b[:len(b)*6/10] }, "is truncated"},
		"grown":      {func(b []byte) []byte { return append(b, 0) }, "has grown"},
		"a bit":      {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "was changed"},
		"first byte": {func(b []byte) []byte { b[0] ^= 1; return b }, "was changed"},
		"at the end": {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "was changed"},
	} {
		for _, s := range []*seal{nil, sealed} {
			path, d := written(t, s)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			err = readAll(path, d, key)
			var damage *DamageError
			if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &damage) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s, sealed %t: %v", name, s != nil, err)
			}
		}
	}
}

// TestWrongKeyIsNoDamage: who has another key is told so, and who has none too.
func TestWrongKeyIsNoDamage(t *testing.T) {
	right, _ := age.GenerateX25519Identity()
	wrong, _ := age.GenerateX25519Identity()
	sealed, err := newSeal([]string{right.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	path, d := written(t, sealed)
	if err := readAll(path, d, sealed.identity); err != nil {
		t.Errorf("the process that wrote it cannot prove it: %v", err)
	}
	if err := readAll(path, d); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("without a key: %v", err)
	}
	if err := readAll(path, d, wrong); err == nil || !strings.Contains(err.Error(), "not encrypted to any") {
		t.Errorf("with another key: %v", err)
	}
}

// TestRetention keeps three, what a release needs, and everything when the clock
// is wrong.
func TestRetention(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	var all []Stored
	for day := range 20 {
		at := now.AddDate(0, 0, -day)
		all = append(all, Stored{Manifest: Manifest{ID: at.Format("0102"), Started: at, Verified: at}})
	}
	none := Policy{Newest: 1}
	p := Prune(all, none, map[string]bool{"0505": true}, now.Add(time.Hour))
	if len(p.Remove) != 16 || p.Kept["0505"] == "" || p.Kept["0518"] == "" {
		t.Errorf("removes %d, keeps %v, refused %q", len(p.Remove), p.Kept, p.Refused)
	}
	for name, when := range map[string]time.Time{"clock back": now.AddDate(0, 0, -1), "too old": now.AddDate(0, 0, 9)} {
		if p := Prune(all, none, nil, when); len(p.Remove) > 0 || p.Refused == "" {
			t.Errorf("%s: removes %d", name, len(p.Remove))
		}
	}
}
