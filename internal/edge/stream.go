package edge

import (
	"bytes"

	"gapless/internal/edge/http1"
)

var eventStream = []byte("text/event-stream")

// isEventStream tells whether an answer has no end of its own: a drain that waited for
// it would wait for ever, so it counts like a tunnel.
func isEventStream(p *http1.Response) bool {
	for _, field := range p.Fields {
		if http1.EqualFold(field.Name, "content-type") {
			return bytes.HasPrefix(bytes.ToLower(field.Value), eventStream)
		}
	}
	return false
}
