package project

import (
	"regexp"
	"strings"
)

var secretKey = regexp.MustCompile(`(?i)(pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|access_?key|auth|dsn|_key$|_url$)`)

var urlPassword = regexp.MustCompile(`(://[^/\s:@]*:)[^@\s]+@`)

// shown returns a value for a message, hidden when its path says that it is a
// secret, and without the password when it is an address.
func shown(path, value string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	// Who writes an address below notify by mistake must not see it in a log.
	if secretKey.MatchString(key) || strings.HasPrefix(path, notifyPath) {
		return `"***"`
	}
	return printable(redactAddress(value))
}

func redactAddress(text string) string {
	return urlPassword.ReplaceAllString(text, "$1***@")
}
