//go:build embededge

package edgectl

import _ "embed"

// embedded is the edge's program, put there by the build.
//
//go:embed embedded/gapless-edge
var embedded []byte
