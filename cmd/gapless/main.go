// Command gapless updates a running Docker Compose application without a gap
// in its service.
package main

import (
	"context"
	"os"

	"gapless/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
