package ui

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// redacted stands in for a secret.
const redacted = "***"

// minSecretBytes is the length from which a value is scrubbed. A shorter one
// would tear ordinary words apart, and is not a secret for long.
const minSecretBytes = 4

// Redactor takes secrets out of text. It knows exact values, and it
// recognizes the user part of URLs and the values of telling names.
type Redactor struct {
	mu    sync.RWMutex
	forms []form // longest first
}

// form is one way in which a secret is written.
type form struct {
	text string
	// In base64, a character on either side can hold some bits of the secret.
	bitsBefore, bitsAfter bool
}

// NewRedactor makes a redactor that knows these values.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, secret := range secrets {
		r.Add(secret)
	}
	return r
}

// Add makes a value known, as it is and as it is written in URLs, JSON and
// base64. The lines of a value with several are known each, because logs come
// line by line.
func (r *Redactor) Add(secret string) {
	values := []string{secret}
	if trimmed := strings.TrimSpace(secret); trimmed != secret {
		values = append(values, trimmed)
	}
	if strings.Contains(secret, "\n") {
		for line := range strings.Lines(secret) {
			values = append(values, strings.TrimSpace(line))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, value := range values {
		if len(value) >= minSecretBytes && strings.Trim(value, "*") != "" {
			r.forms = append(r.forms, formsOf(value)...)
		}
	}
	slices.SortFunc(r.forms, func(a, b form) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.text, b.text))
	})
	r.forms = slices.Compact(r.forms)
}

// formsOf lists the ways in which a value is written.
func formsOf(value string) []form {
	forms := []form{{text: value}, {text: url.QueryEscape(value)}, {text: url.PathEscape(value)}}
	if quoted, err := json.Marshal(value); err == nil {
		forms = append(forms, form{text: string(quoted[1 : len(quoted)-1])})
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			forms = append(forms, base64Inside(encoding, value, before))
		}
	}
	return slices.DeleteFunc(forms, func(f form) bool { return len(f.text) < minSecretBytes })
}

// base64Inside returns the characters that a value has in base64 whatever
// stands before and after it, when it starts that many bytes into a group of
// three, as a password does in "user:password".
func base64Inside(encoding *base64.Encoding, value string, before int) form {
	text := encoding.EncodeToString([]byte(strings.Repeat("\x00", before) + value))
	first := (before*8 + 5) / 6
	last := (before + len(value)) * 8 / 6
	return form{text: text[first:last], bitsBefore: before > 0, bitsAfter: (before+len(value))%3 > 0}
}

// replaceIn takes the form out of a text.
func (f form) replaceIn(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, f.text)
		if !found {
			return b.String() + text
		}
		if f.bitsBefore && before != "" && isBase64(before[len(before)-1]) {
			before = before[:len(before)-1]
		}
		if f.bitsAfter && after != "" && isBase64(after[0]) {
			after = strings.TrimLeft(after[1:], "=")
		}
		b.WriteString(before + redacted)
		text = after
	}
}

// isBase64 tells whether a byte is a character of either base64 alphabet.
func isBase64(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("+/-_", c) >= 0
}

// userPart is what stands between :// and @ of a URL.
var userPart = regexp.MustCompile(`(://)[^\s"'<>]*@`)

// tellingNames are those whose values are never shown.
const tellingNames = `[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credential|_dsn)[\w.-]*`

// namedValue is a telling name with its value, quoted or up to a space.
var namedValue = regexp.MustCompile(`(?i)(` + tellingNames + `["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"']+)`)

// secretHeader is a header whose whole line is secret.
var secretHeader = regexp.MustCompile(`(?i)((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[=:]\s*)[^\n]+`)

// Redact returns the text without secrets.
func (r *Redactor) Redact(text string) string {
	if r == nil {
		return text
	}
	text = r.scrub(text)
	text = userPart.ReplaceAllString(text, "${1}"+redacted+"@")
	text = secretHeader.ReplaceAllString(text, "${1}${2}"+redacted)
	text = namedValue.ReplaceAllString(text, "${1}"+redacted)
	return r.scrub(text)
}

// scrub replaces known values until none is left: what remains beside a
// replacement can form one by chance. Each replacement shortens the text.
func (r *Redactor) scrub(text string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for again := true; again; {
		again = false
		for _, form := range r.forms {
			if strings.Contains(text, form.text) {
				text = form.replaceIn(text)
				again = true
			}
		}
	}
	return text
}
