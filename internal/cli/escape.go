package cli

import (
	"fmt"
	"strings"
	"unicode"
)

// escaped makes a message harmless for the terminal: words that came from the
// command line or a file may hold what a terminal obeys. Lines stay lines.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
