package edge

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"gapless/internal/edge/http1"
	"gapless/internal/edge/wire"
)

// builtInPage is the page of whoever has no own one. It loads nothing, because what it
// could load is behind the same 503.
//
//go:embed page.html
var builtInPage string

// waitMark is where the built-in page says how long to wait.
const waitMark = "{{WAIT}}"

// page is an answer with status 503 that is ready to be sent.
type page struct {
	html, json string
	retryAfter int // seconds
}

func newPage(wanted wire.Page) *page {
	p := &page{html: wanted.HTML, retryAfter: wanted.RetryAfterSeconds}
	if p.retryAfter == 0 {
		p.retryAfter = wire.DefaultRetryAfterSeconds
	}
	if p.html == "" {
		p.html = strings.Replace(builtInPage, waitMark, inWords(p.retryAfter), 1)
	}
	text, err := json.Marshal(struct {
		Error      string `json:"error"`
		Message    string `json:"message"`
		RetryAfter int    `json:"retry_after"`
	}{causeNames[causePage], "The service is being updated. The request was not processed; please try again in about " + inWords(p.retryAfter) + ".", p.retryAfter})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	p.json = string(text) + "\n"
	return p
}

// inWords is a number of seconds as people say it.
func inWords(seconds int) string {
	switch {
	case seconds == 1:
		return "a second"
	case seconds < 60:
		return strconv.Itoa(seconds) + " seconds"
	case seconds < 90:
		return "a minute"
	case seconds < 60*60:
		return strconv.Itoa((seconds+30)/60) + " minutes"
	case seconds < 90*60:
		return "an hour"
	}
	return strconv.Itoa((seconds+30*60)/(60*60)) + " hours"
}

func validatePage(p wire.Page) error {
	switch {
	case len(p.HTML) > wire.MaxPageBytes:
		return fmt.Errorf("the page has more than %d bytes", wire.MaxPageBytes)
	case !utf8.ValidString(p.HTML):
		return fmt.Errorf("the page is not UTF-8")
	case p.RetryAfterSeconds < 0 || p.RetryAfterSeconds > wire.MaxRetryAfterSeconds:
		return fmt.Errorf("retry after %d s is not within 0 and %d", p.RetryAfterSeconds, wire.MaxRetryAfterSeconds)
	}
	return nil
}

// answerPage sends a page in the form that the client reads and closes the
// connection's output.
func (c *client) answerPage(p *page) {
	kind, body := "text/html; charset=utf-8", p.html
	if c.prefersJSON() {
		kind, body = "application/json", p.json
	}
	b := append(c.out[:0], "HTTP/1.1 503 Service Unavailable\r\nContent-Type: "...)
	b = append(b, kind...)
	b = append(b, "\r\nCache-Control: no-store\r\n"+wire.HeaderCause+": "...)
	b = append(b, causeNames[causePage]...)
	b = append(b, "\r\nRetry-After: "...)
	b = strconv.AppendInt(b, int64(p.retryAfter), 10)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\nConnection: close\r\n\r\n"...)
	if string(c.request.Method) != http.MethodHead {
		b = append(b, body...)
	}
	c.out = b
	c.exchange.status = http.StatusServiceUnavailable
	c.send(b)
}

// prefersJSON tells whether the client names JSON before anything that HTML would do
// for. Weights are not looked at: those who set them still name their favourite first.
func (c *client) prefersJSON() bool {
	for _, field := range c.request.Fields {
		if http1.EqualFold(field.Name, "accept") {
			return jsonFirst(field.Value)
		}
	}
	return false
}

func jsonFirst(accept []byte) bool {
	for item := range bytes.SplitSeq(accept, []byte(",")) {
		kind, _, _ := bytes.Cut(item, []byte(";"))
		switch kind = bytes.ToLower(bytes.TrimSpace(kind)); {
		case string(kind) == "application/json", string(kind) == "text/json",
			bytes.HasPrefix(kind, []byte("application/")) && bytes.HasSuffix(kind, []byte("+json")):
			return true
		case string(kind) == "*/*", string(kind) == "text/*", string(kind) == "text/html", string(kind) == "application/xhtml+xml":
			return false
		}
	}
	return false
}
