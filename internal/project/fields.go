package project

import (
	"net"
	"net/mail"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// fieldOf finds the field of a settings struct by its key in the file.
func fieldOf(structType reflect.Type, key string) (reflect.StructField, bool) {
	for i := range structType.NumField() {
		if field := structType.Field(i); field.Tag.Get("yaml") == key {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// keysOf lists the keys of a settings struct in the order of declaration.
func keysOf(structType reflect.Type) []string {
	var keys []string
	for i := range structType.NumField() {
		keys = append(keys, structType.Field(i).Tag.Get("yaml"))
	}
	return keys
}

func wanted(target reflect.Value) string {
	switch target.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "text"
}

func within(value float64, tag reflect.StructTag) bool {
	if minimum, err := strconv.ParseFloat(tag.Get("min"), 64); err == nil && value < minimum {
		return false
	}
	if maximum, err := strconv.ParseFloat(tag.Get("max"), 64); err == nil && value > maximum {
		return false
	}
	return true
}

func rangeOf(tag reflect.StructTag) string {
	if tag.Get("min") == "" {
		return ""
	}
	return " from " + tag.Get("min") + " to " + tag.Get("max")
}

var (
	signalPattern   = regexp.MustCompile(`^(SIG)?[A-Z][A-Z0-9+-]{1,11}$`)
	percentPattern  = regexp.MustCompile(`^(100|\d{1,2})(\.\d+)?%$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	hostPattern     = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// checkFormat returns what was wanted when the text does not have the format,
// else "".
func checkFormat(format, text string, services []string) (want string) {
	switch format {
	case "address":
		host, port, err := net.SplitHostPort(text)
		number, numberErr := strconv.Atoi(port)
		badHost := host != "" && net.ParseIP(host) == nil
		if err != nil || numberErr != nil || number < 1 || number > 65535 || badHost {
			return "an address such as :80 or 127.0.0.1:8080"
		}
	case "path":
		// The kernel keeps 108 bytes for the path of a socket, the last is NUL.
		const longestSocketPath = 107
		if !path.IsAbs(text) || path.Clean(text) != text || len(text) > longestSocketPath {
			return "an absolute path of at most 107 bytes such as /run/gapless/shop.sock"
		}
	case "directory":
		if path.Clean(text) == "." || path.Clean(text) == "/" {
			return "a directory such as ./nginx/upstreams"
		}
	case "host":
		if !hostPattern.MatchString(text) || len(text) > 253 {
			return "a host name such as api.example.com"
		}
	case "urlpath":
		if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \\") || strings.Contains(text, "://") {
			return "a path that starts with / such as /health/"
		}
	case "percent":
		if !percentPattern.MatchString(text) {
			return "a percentage such as 1% or 0.5%"
		}
	case "signal":
		if !signalPattern.MatchString(text) {
			return "a signal such as HUP or SIGUSR1"
		}
	case "variable":
		if !variablePattern.MatchString(text) {
			return "the name of an environment variable such as SLACK_URL, not its value"
		}
	case "mail":
		if mailbox, err := mail.ParseAddress(text); err != nil || strings.ContainsFunc(mailbox.Address, notInMail) {
			return "a mail address such as ops@example.com"
		}
	case "network":
		if _, ok := ParseNetwork(text); !ok {
			return "a network or an address such as 10.0.0.0/8 or 192.0.2.7"
		}
	case "service":
		return checkServiceName(text, services)
	}
	return ""
}

// notInMail are characters that would end a line or an argument of SMTP.
func notInMail(char rune) bool { return char <= ' ' || char > '~' || char == '<' || char == '>' }

func checkServiceName(text string, services []string) (want string) {
	if services == nil {
		return ""
	}
	for _, name := range services {
		if name == text {
			return ""
		}
	}
	return "the name of a service, one of " + strings.Join(services, ", ")
}
