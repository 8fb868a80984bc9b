package edge

import (
	"net/http"
	"strconv"

	"gapless/internal/edge/wire"
)

// retryAfterSeconds is what clients are asked to wait after a 503.
const retryAfterSeconds = 5

// refuse sends an answer of the edge itself and closes the connection's output. It
// names the cause, so that nobody takes it for an answer of the application.
func (c *client) refuse(status int, why cause) {
	body := strconv.Itoa(status) + " " + http.StatusText(status) + ": " + causeNames[why] + "\n"
	b := append(c.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"...)
	b = append(b, wire.HeaderCause+": "...)
	b = append(b, causeNames[why]...)
	if status == http.StatusServiceUnavailable {
		b = append(b, "\r\nRetry-After: "...)
		b = strconv.AppendInt(b, retryAfterSeconds, 10)
	}
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\nConnection: close\r\n\r\n"...)
	if string(c.request.Method) != "HEAD" {
		b = append(b, body...)
	}
	c.out = b
	c.exchange.status = status
	c.send(b)
}

// statusOf is the status that stands for a cause.
func statusOf(why cause) int {
	switch why {
	case causeTimeout:
		return http.StatusGatewayTimeout
	case causePage, causeNoTarget, causeHoldOverflow, causeHoldTimeout, causeUnverified, causeStopped:
		return http.StatusServiceUnavailable
	case causeNoRoute:
		return http.StatusNotFound
	case causeBadRequest:
		return http.StatusBadRequest
	}
	return http.StatusBadGateway
}
