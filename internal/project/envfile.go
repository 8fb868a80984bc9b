package project

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// readRawEnvFile reads KEY=value lines without quotes or interpolation; a
// line with only KEY takes the value from the environment.
// The rules are those of `docker run --env-file`.
func readRawEnvFile(reader io.Reader, filename string, variables map[string]string, lookup func(key string) (string, bool)) error {
	scanner := bufio.NewScanner(reader)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimLeft(strings.TrimPrefix(scanner.Text(), "\ufeff"), " \t")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, hasValue := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			return fmt.Errorf("read env_file %s: line %d: variable name expected before =", filename, number)
		}
		if hasValue {
			variables[key] = value
			continue
		}
		if value, found := lookup(key); found {
			variables[key] = value
		}
	}
	return scanner.Err()
}
