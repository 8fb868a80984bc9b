package ui

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

func TestRedact(t *testing.T) {
	redactor := NewRedactor("hunter22", "p@ss/wörd", "abc", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n")
	for text, want := range map[string]string{
		"login with hunter22 failed":             "login with *** failed",
		"url p%40ss%2Fw%C3%B6rd":                 "url ***",
		"key MIIEvQIBADANBg":                     "key ***",
		"postgres://app:x@y@db:5432/shop":        "postgres://***@db:5432/shop",
		"DB_PASSWORD=very-long next":             "DB_PASSWORD=*** next",
		`{"api_key": "a \"b\" c", "user": "me"}`: `{"api_key": ***, "user": "me"}`,
		"Authorization: Bearer aaa.bbb.ccc":      "Authorization: ***",
		"GET /?access_token=aaa&page=2":          "GET /?access_token=***&page=2",
		"the token is wrong, abc":                "the token is wrong, abc",
		"plain text":                             "plain text",
		"Basic " + base64.StdEncoding.EncodeToString([]byte("admin:hunter22")): "Basic YWRtaW46***",
		"Basic " + base64.StdEncoding.EncodeToString([]byte("a:hunter22")):     "Basic YT***",
	} {
		if got := redactor.Redact(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := (words{NewRedactor("top\x01secret")}).show("a top\x01secret"); got != "a ***" {
		t.Errorf("escapes hide a secret: %q", got)
	}
	var none *Redactor
	if none.Redact("x") != "x" {
		t.Error("no redactor changes text")
	}
}

// FuzzRedact lets no byte of a secret leave, however it is written.
func FuzzRedact(f *testing.F) {
	f.Add("before ", "hunter22", " after", "other-secret")
	f.Add("X", "reda", "cted", "****")
	f.Add("aa", "aaaa", "a", "*a**")
	f.Add("://x@h", "***@h", "", "") // the replacement of a user part makes one
	f.Add("a:", "p@ß\n\x00", "\xff", "***a")
	f.Fuzz(func(t *testing.T, before, secret, after, other string) {
		if len(secret) < minSecretBytes || strings.Trim(secret, "*") == "" {
			return
		}
		redactor := NewRedactor(secret, other)
		quoted, _ := json.Marshal(secret)
		written := []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1]),
		}
		for _, form := range written {
			if got := redactor.Redact(before + form + after); strings.Contains(got, form) {
				t.Errorf("%q leaves as %q in %q", secret, form, got)
			}
		}
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(before + secret + after))
			inside := base64Inside(encoding.WithPadding(base64.NoPadding), secret, len(before)%3).text
			if got := redactor.Redact(text); len(inside) >= minSecretBytes && strings.Contains(got, inside) {
				t.Errorf("%q leaves in base64: %q", secret, got)
			}
		}
	})
}

// FuzzClean lets nothing through that a terminal obeys.
func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\x9b31m\u009b\u202e\x00\r\n\t日本\xff\U000e0041")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range clean(text) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && treacherous(r) || r == '\n' {
				t.Errorf("%q lets %U through", text, r)
			}
		}
		encoded, _ := json.Marshal(text)
		safe := cleanJSON(encoded)
		var back, plain string
		if err := json.Unmarshal(safe, &back); err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(encoded, &plain)
		if back != plain || strings.ContainsFunc(string(safe), func(r rune) bool { return unicode.IsControl(r) || treacherous(r) }) {
			t.Errorf("%q became %q", text, safe)
		}
	})
}
