// Schemagen writes the JSON Schema of x-gapless to the file that is named on
// its command line. It is run by go generate.
package main

import (
	"fmt"
	"os"

	"gapless/internal/project"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schemagen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], project.SettingsSchema(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
