//go:build !embededge

package edgectl

// embedded is empty: the edge's program is looked for beside the executable.
var embedded []byte
