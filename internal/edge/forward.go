package edge

import (
	"strconv"

	"gapless/internal/edge/http1"
)

// appendRequest writes the head for the application. Framing is written anew, so what
// the application reads is exactly what was understood here.
func (c *client) appendRequest(b []byte, buffered bool) []byte {
	q := &c.request
	b = append(b, q.Method...)
	b = append(b, ' ')
	b = append(b, q.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, q.Host...)
	b = append(b, "\r\n"...)
	for _, field := range q.Fields {
		switch {
		case q.EndToEnd(field):
			b = http1.AppendField(b, field.Name, field.Value)
		case field.Known == http1.ContentLength:
			b = append(b, "Content-Length: "...)
			b = strconv.AppendInt(b, q.Length, 10)
			b = append(b, "\r\n"...)
		}
	}
	if q.Framing == http1.Chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if q.ExpectContinue && !buffered {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	if q.WantsTrailers {
		b = append(b, "TE: trailers\r\n"...)
	}
	if len(q.UpgradeTo) > 0 {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, q.UpgradeTo...)
		b = append(b, "\r\n"...)
	}
	b = c.appendForwarded(b)
	return append(b, "\r\n"...)
}

// appendForwarded tells the application who asked. What a peer claims about that is
// passed on only when the peer is trusted.
func (c *client) appendForwarded(b []byte) []byte {
	hostTold, protoTold := false, false
	var chain []byte
	if c.trusted {
		for _, field := range c.request.Fields {
			switch field.Known {
			case http1.XForwardedFor:
				if chain != nil {
					chain = append(chain, ", "...)
				}
				chain = append(chain, field.Value...)
			case http1.XForwardedHost:
				hostTold = true
				b = http1.AppendField(b, field.Name, field.Value)
			case http1.XForwardedProto:
				protoTold = true
				b = http1.AppendField(b, field.Name, field.Value)
			case http1.Forwarded:
				b = http1.AppendField(b, field.Name, field.Value)
			}
		}
	}
	if chain != nil || c.peer != "" {
		b = append(b, "X-Forwarded-For: "...)
		b = append(b, chain...)
		if chain != nil && c.peer != "" {
			b = append(b, ", "...)
		}
		b = append(b, c.peer...)
		b = append(b, "\r\n"...)
	}
	if !protoTold {
		b = append(b, "X-Forwarded-Proto: http\r\n"...)
	}
	if !hostTold {
		b = append(b, "X-Forwarded-Host: "...)
		b = append(b, c.request.Host...)
		b = append(b, "\r\n"...)
	}
	return b
}

// appendResponse writes the head for the client with the framing that it can read.
func (c *client) appendResponse(b []byte, framing http1.Framing) []byte {
	p := &c.response
	b = appendStatus(b, p)
	for _, field := range p.Fields {
		if p.EndToEnd(field) {
			b = http1.AppendField(b, field.Name, field.Value)
		}
	}
	switch {
	case framing == http1.Chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case p.Length >= 0 && p.Status >= 200 && p.Status != 204:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, p.Length, 10)
		b = append(b, "\r\n"...)
	}
	switch {
	case p.Status == 101:
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, p.UpgradeTo...)
		b = append(b, "\r\n"...)
	case p.Status < 200:
	case !c.exchange.keep:
		b = append(b, "Connection: close\r\n"...)
	case c.request.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
		fallthrough
	default:
		b = append(b, "Keep-Alive: timeout=60\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendStatus(b []byte, p *http1.Response) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	b = append(b, ' ')
	b = append(b, p.Reason...)
	return append(b, "\r\n"...)
}
